import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createClusterKey } from '@epicserver/net'

const KEY = createClusterKey()

/** A process of the example, and what it prints, line by line. */
class Program {
  readonly process: ChildProcessWithoutNullStreams
  readonly exit: Promise<number | null>
  readonly #lines: AsyncIterator<string, undefined>

  constructor(context: TestContext, name: string, args: readonly string[], key = KEY) {
    const script = fileURLToPath(new URL(`../src/${name}.js`, import.meta.url))
    this.process = spawn(process.execPath, [script, ...args], {
      env: { ...process.env, CHAT_KEY: key },
    })
    this.exit = new Promise((resolve) => {
      this.process.once('exit', resolve)
    })
    this.#lines = createInterface(this.process.stdout)[Symbol.asyncIterator]()
    context.after(() => this.process.kill())
  }

  /** The next line that matches. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const line = await this.#lines.next()
      if (line.done === true) assert.fail(`it ended without printing ${String(pattern)}`)
      const match = pattern.exec(line.value)
      if (match !== null) return match
    }
  }
}

/** A server at a free port, and its address. */
async function serve(context: TestContext): Promise<{ server: Program; address: string }> {
  const server = new Program(context, 'server', ['[::1]:0'])
  const [, address = ''] = await server.printed(/^chat at (.+)$/)
  return { server, address }
}

describe('chat over net', () => {
  it('what one member says reaches the others, and leaving is seen', async (context) => {
    const { server, address } = await serve(context)
    const alice = new Program(context, 'client', ['alice', address])
    await alice.printed(/type, and end/)
    const bob = new Program(context, 'client', ['bob', address])
    await bob.printed(/type, and end/)
    await server.printed(/came, room of 2 channels/)
    alice.process.stdin.write('hello\n')
    await bob.printed(/^"alice" "hello"$/)
    bob.process.stdin.end('hello yourself\n')
    await alice.printed(/^"bob" "hello yourself"$/)
    assert.equal(await bob.exit, 0)
    await server.printed(/left, room of 1 channels/)
  })

  it('who does not hold the key stays outside', async (context) => {
    const { address } = await serve(context)
    const stranger = new Program(context, 'client', ['eve', address], createClusterKey())
    assert.notEqual(await stranger.exit, 0)
  })
})
