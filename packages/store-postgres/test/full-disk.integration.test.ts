import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { isEpicError } from '@epicserver/contracts'
import { bytesOf, groundForTests, noPostgres, thing } from './postgres-ground.ts'

const run = promisify(execFile)
const isRoot = process.getuid?.() === 0 && process.platform === 'linux'
const skip = noPostgres ?? (isRoot ? false : 'only root mounts a small disk')

describe('state store on a full disk', { skip }, () => {
  const ground = groundForTests()
  let disk: string
  after(async () => {
    await run('umount', ['--lazy', disk])
    await rmdir(disk)
  })

  it('is StoreFull without having written, keeps what it has, and goes on when there is room', async () => {
    disk = await mkdtemp(join(tmpdir(), 'epic-disk-'))
    await run('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk])
    await run('chown', ['postgres', disk])
    const store = ground.open({ schema: 'crowded' })
    await store.write(thing('kept'), { epoch: 1n, version: 0n }, { bytes: bytesOf('kept') })
    await ground.admin`CREATE TABLESPACE small LOCATION ${ground.admin.unsafe(`'${disk}'`)}`
    await ground.admin`ALTER TABLE crowded.entity SET TABLESPACE small`

    // What no compression makes small.
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * i * 7919 + (i >> 3)) & 0xff)
    const guard = { epoch: 1n, version: 0n }
    const outcomes: unknown[] = []
    for (let i = 0; i < 60; i += 1) {
      const written = store.write(thing(i), guard, { bytes })
      outcomes.push(await written.catch((error: unknown) => isEpicError(error) && error.code))
    }
    const refused = outcomes.indexOf('StoreFull')
    assert.ok(refused > 0, `never full: ${String(outcomes.at(-1))}`)
    assert.equal(await store.read(thing(refused)), null)
    assert.equal((await store.read(thing('kept')))?.version, 1n)

    await run('mount', ['-o', 'remount,size=64m', disk])
    assert.equal(await store.write(thing(refused), guard, { bytes }), 1n)
  })
})
