import assert from 'node:assert/strict'
import { readdir, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { EntityId } from '@epicserver/contracts'
import { LmdbStateStore } from '@epicserver/store-lmdb'
import { Environment } from '#src/environment.ts'
import type { Tables } from '#src/environment.ts'
import { tempFolder } from './temp-folder.ts'

const bob = { type: 'Player', id: 'bob' }
const guard = { epoch: 1n, version: 0n }

/** How many rows each table of a closed shard has; those without any are left out. */
async function countRows(path: string): Promise<Record<string, number>> {
  const environment = await Environment.open(path)
  const tables = Object.entries(environment.tables) as [string, Tables['records']][]
  const counts = tables.map(([name, table]) => [name, table.getCount({})] as const)
  await environment.close()
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}

/** Opens a shard, lets `use` use it, closes it, and counts what is left. */
async function rowsAfter(use: (store: LmdbStateStore) => Promise<unknown>): Promise<object> {
  const path = await tempFolder()
  const store = await LmdbStateStore.open(path)
  await use(store)
  await store.close()
  return countRows(path)
}

describe('lmdb state store: what is on disk', () => {
  it('of a small entity is one record', async () => {
    const rows = await rowsAfter((store) => store.write(bob, guard, { bytes: Buffer.from('one') }))
    assert.deepEqual(rows, { records: 1 })
  })

  it('of a large one is a record and its state, which a claim leaves alone', async () => {
    const bytes = Buffer.alloc(1_000_000, 7)
    const path = await tempFolder()
    const store = await LmdbStateStore.open(path)
    await store.write(bob, guard, { bytes })
    const { size } = await stat(join(path, 'data.mdb'))
    for (let epoch = 2n; epoch < 20n; epoch += 1n) await store.claim(bob, epoch)
    await store.close()
    assert.ok((await stat(join(path, 'data.mdb'))).size < size + 500_000)
    assert.deepEqual(await countRows(path), { records: 1, states: 1 })
  })

  it('of one that shrank is a record again', async () => {
    const rows = await rowsAfter(async (store) => {
      await store.write(bob, guard, { bytes: Buffer.alloc(10_000) })
      await store.write(bob, { epoch: 1n, version: 1n }, { bytes: Buffer.alloc(10) })
    })
    assert.deepEqual(rows, { records: 1 })
  })

  it('of a removed one is its epoch and version, and nothing else', async () => {
    const rows = await rowsAfter(async (store) => {
      const tasks = ['a', 'b'].map(
        (key) => ({ kind: 'set', key, dueMs: 1, body: Buffer.of(1) }) as const,
      )
      const indexes = [{ index: 'score', key: Buffer.of(1) }]
      await store.write(bob, guard, { bytes: Buffer.alloc(10_000), tasks, indexes })
      await store.remove(bob, { epoch: 1n, version: 1n })
    })
    assert.deepEqual(rows, { records: 1 })
  })

  it('of tasks that were set anew and cleared is nothing', async () => {
    const rows = await rowsAfter(async (store) => {
      for (let version = 0n; version < 5n; version += 1n) {
        const task = {
          kind: 'set',
          key: 'ring',
          dueMs: Number(version),
          body: Buffer.of(1),
        } as const
        await store.write(bob, { epoch: 1n, version }, { tasks: [task] })
      }
      await store.write(
        bob,
        { epoch: 1n, version: 5n },
        { tasks: [{ kind: 'clear', key: 'ring' }] },
      )
    })
    assert.deepEqual(rows, { records: 1 })
  })

  it('is for nobody else to read', async () => {
    const path = await tempFolder()
    const store = await LmdbStateStore.open(path)
    for (const file of ['data.mdb', 'lock.mdb']) {
      assert.equal((await stat(join(path, file))).mode & 0o777, 0o600, file)
    }
    await store.close()
  })
})

describe('lmdb state store: that is closed', () => {
  const noProc = process.platform === 'linux' ? false : 'only Linux tells which files are open'

  it('has no file open any more', { skip: noProc }, async () => {
    const path = await tempFolder()
    for (let time = 0; time < 2; time += 1) {
      const store = await LmdbStateStore.open(path)
      await store.write(bob, { epoch: 1n, version: BigInt(time) }, {})
      assert.equal((await openFilesIn(path)).length, 3)
      await store.close()
      assert.deepEqual(await openFilesIn(path), [])
    }
  })
})

async function openFilesIn(path: string): Promise<string[]> {
  const descriptors = await readdir('/proc/self/fd')
  const files = await Promise.all(
    descriptors.map((descriptor) => readlink(`/proc/self/fd/${descriptor}`).catch(() => '')),
  )
  return files.filter((file) => file.startsWith(path))
}

describe('lmdb state store: what dropped indexes leave behind', () => {
  const things = (count: number): EntityId[] =>
    Array.from({ length: count }, (_, i) => ({ type: 'Thing', id: `${i}` }))
  const indexes = [{ index: 'score', key: Buffer.of(1) }]

  it('is swept in the background', async () => {
    const path = await tempFolder()
    const store = await LmdbStateStore.open(path)
    await Promise.all(things(4_500).map((thing) => store.write(thing, guard, { indexes })))
    await store.dropIndex('Thing', 'score')
    // Each write waits for a commit, and each sweep takes one.
    for (let version = 0n; version < 10n; version += 1n) {
      await store.write(bob, { epoch: 1n, version }, {})
    }
    await store.close()
    assert.deepEqual(await countRows(path), { records: 4_501, catalog: 1 })
  })

  it('is swept on when the shard is opened again', async () => {
    const path = await tempFolder()
    const store = await LmdbStateStore.open(path)
    await Promise.all(things(4_500).map((thing) => store.write(thing, guard, { indexes })))
    await store.dropIndex('Thing', 'score')
    await store.close()
    assert.ok(((await countRows(path)) as { entries: number }).entries > 0)
    const again = await LmdbStateStore.open(path)
    for (let version = 0n; version < 10n; version += 1n) {
      await again.write(bob, { epoch: 1n, version }, {})
    }
    await again.close()
    assert.deepEqual(await countRows(path), { records: 4_501, catalog: 1 })
  })
})

describe('lmdb state store: a map that grows', () => {
  it('troubles neither those who write nor those who read', async () => {
    const path = await tempFolder()
    const store = await LmdbStateStore.open(path)
    const state = (i: number): Buffer => Buffer.alloc(20_000 + i, i & 0xff)
    for (let round = 0; round < 10; round += 1) {
      const ids = Array.from({ length: 100 }, (_, i) => round * 100 + i)
      const writes = ids.map((i) =>
        store.write({ type: 'Thing', id: `${i}` }, guard, { bytes: state(i) }),
      )
      const read = store.read({ type: 'Thing', id: `${(round - 1) * 100}` })
      await Promise.all(writes)
      assert.deepEqual((await read)?.bytes, round === 0 ? undefined : state((round - 1) * 100))
    }
    for (const i of [0, 1, 500, 999]) {
      assert.deepEqual((await store.read({ type: 'Thing', id: `${i}` }))?.bytes, state(i))
    }
    await store.close()
  })
})
