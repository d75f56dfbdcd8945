import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isEpicError } from '@epicserver/contracts'
import { createPipe } from '#src/pipe.ts'
import type { Refusal } from '#src/pipe-parts.ts'
import { unixTransport } from '#src/transports/unix.ts'
import { createRandom } from '../bytes.ts'
import { describeTransport } from './transport-suite.ts'

function folderFor(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'net-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const SILENT = { info: (): void => {}, warn: (): void => {} }

describeTransport('unix', (context) => {
  const folder = folderFor(context)
  const transport = unixTransport()
  return {
    connecting: transport,
    accepting: transport,
    address: join(folder, 's'),
    nobody: join(folder, 'none'),
    isEncoding: true,
  }
})

describe('transport unix', () => {
  it('makes its socket 0600, and removes it (checklist 4)', async (context) => {
    const path = join(folderFor(context), 's')
    const pipe = createPipe({ transport: unixTransport() })
    context.after(() => pipe.destroy())
    await pipe.listen(path)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    await pipe.close()
    assert.equal(existsSync(path), false)
  })

  it('takes the place of a socket that a killed process left', async (context) => {
    const path = join(folderFor(context), 's')
    const child = fork(fileURLToPath(new URL('../left-socket.js', import.meta.url)), [path])
    await new Promise((resolve) => child.once('message', resolve))
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
    assert.ok(existsSync(path))
    const pipe = createPipe({ transport: unixTransport() })
    context.after(() => pipe.destroy())
    await pipe.listen(path)
    assert.equal((await pipe.connect(path)).state, 'open')
  })

  it('notices at once that the process at the other end was killed', async (context) => {
    const path = join(folderFor(context), 's')
    const child = fork(fileURLToPath(new URL('../left-socket.js', import.meta.url)), [path])
    await new Promise((resolve) => child.once('message', resolve))
    const pipe = createPipe({ transport: unixTransport() })
    context.after(() => pipe.destroy())
    const channel = await pipe.connect(path)
    const ended = new Promise<string | undefined>((resolve) =>
      channel.onEnd((error) => resolve(error?.code)),
    )
    child.kill('SIGKILL')
    assert.equal(await ended, 'NodeLost')
  })

  it('a foreign server is refused in a sentence', async (context) => {
    const path = join(folderFor(context), 's')
    const server = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'))
    context.after(() => server.close())
    await new Promise<void>((resolve) => server.listen(path, resolve))
    const pipe = createPipe({ transport: unixTransport() })
    await assert.rejects(
      pipe.connect(path),
      (error) => isEpicError(error) && error.code === 'ProtocolBroken' && error.retry === 'safe',
    )
  })

  it('strangers that send noise, or hang up, are counted, and the pipe keeps working (checklist 9)', async (context) => {
    const path = join(folderFor(context), 's')
    const pipe = createPipe({ transport: unixTransport(), log: SILENT })
    context.after(() => pipe.destroy())
    await pipe.listen(path)
    const refusals: Refusal[] = []
    const random = createRandom(11)
    for (let i = 0; i < 100; i += 1) {
      const refused = new Promise<void>((resolve) => {
        pipe.on('refused', (refusal) => {
          refusals.push(refusal)
          resolve()
        })
      })
      const socket = connect(path)
      socket.on('error', () => socket.destroy())
      const noise = Buffer.from(
        Array.from({ length: 1 + Math.floor(random() * 600) }, () => Math.floor(random() * 256)),
      )
      socket.end(noise)
      await refused
      socket.destroy()
    }
    const { broken, lost } = pipe.counts
    assert.equal(broken + lost, 100)
    assert.ok(broken > 80, `${broken} broke the protocol`)
    assert.equal((await pipe.connect(path)).state, 'open')
  })
})
