import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { partitionOf } from '@epicserver/contracts'
import type { EntityId, IndexStatus } from '@epicserver/contracts'
import { openDataFolder, ShardedStateStore } from '@epicserver/store-lmdb'
import type { DataFolder } from '@epicserver/store-lmdb'
import { tempFolder } from './temp-folder.ts'

async function openAll(folder: DataFolder): Promise<ShardedStateStore> {
  const store = new ShardedStateStore(folder.shardCount)
  for (let shard = 0; shard < folder.shardCount; shard += 1) {
    store.addShard(shard, await folder.openShard(shard))
  }
  return store
}

/** Entities of each of three shards, by shard. */
function thingsByShard(count: number): EntityId[][] {
  const things = Array.from({ length: count }, (_, i) => ({ type: 'Thing', id: `${i}` }))
  return [0, 1, 2].map((shard) =>
    things.filter(({ type, id }) => partitionOf(type, id) % 3 === shard),
  )
}

const guard = { epoch: 1n, version: 0n }
const bytes = Buffer.from('state')

describe('sharded state store: a shard that is not here', () => {
  it('is unavailable, which is safe to repeat elsewhere', async () => {
    const folder = await openDataFolder(await tempFolder(), { shards: 3 })
    const store = new ShardedStateStore(3)
    store.addShard(1, await folder.openShard(1))
    const [[thing]] = thingsByShard(30) as [[EntityId]]
    const expected = {
      code: 'Unavailable',
      retry: 'safe',
      message: 'Cannot reach shard 0 of 3: this process has 1',
    }
    await assert.rejects(store.claim(thing, 1n), expected)
    await assert.rejects(store.read(thing), expected)
    await assert.rejects(store.write(thing, guard, { bytes }), expected)
    await assert.rejects(store.remove(thing, guard), expected)
    await assert.rejects(store.reindex(thing, 0n, []), expected)
    await assert.rejects(
      store.due({ partitions: new Set([0, 1]), beforeMs: 1, limit: 1 }),
      expected,
    )
    const scan = { type: 'Thing', limit: 1, partitions: new Set([3]) }
    await assert.rejects(store.scan(scan), expected)
    await store.close()
  })

  it('is not missed by who asks for the others', async () => {
    const folder = await openDataFolder(await tempFolder(), { shards: 3 })
    const store = new ShardedStateStore(3)
    store.addShard(1, await folder.openShard(1))
    const things = thingsByShard(30)
    await Promise.all(things[1]!.map((thing) => store.write(thing, guard, { bytes })))
    const { rows } = await store.scan({ type: 'Thing', limit: 100 })
    assert.equal(rows.length, things[1]!.length)
    await store.close()
  })
})

describe('sharded state store: shards that come and go', () => {
  it('move from one store to another with all that is in them', async () => {
    const folder = await openDataFolder(await tempFolder(), { shards: 3 })
    const [here, there] = [await openAll(folder), new ShardedStateStore(3)]
    const things = thingsByShard(60)
    await Promise.all(things.flat().map((thing) => here.write(thing, guard, { bytes })))
    await here.removeShard(2)?.close()
    there.addShard(2, await folder.openShard(2))
    assert.deepEqual([here.shards, there.shards], [[0, 1], [2]])
    for (const thing of things[2]!) assert.equal((await there.claim(thing, 2n)).version, 1n)
    await assert.rejects(here.claim(things[2]![0]!, 2n), { code: 'Unavailable' })
    assert.equal((await here.claim(things[0]![0]!, 2n)).version, 1n)
    await Promise.all([here.close(), there.close()])
  })

  it('answer what was asked of them before they went', async () => {
    const folder = await openDataFolder(await tempFolder(), { shards: 3 })
    const store = await openAll(folder)
    const things = thingsByShard(300)[2]!
    const writes = things.map((thing) => store.write(thing, guard, { bytes }))
    await store.removeShard(2)?.close()
    assert.deepEqual(new Set(await Promise.all(writes)), new Set([1n]))
    assert.equal(store.removeShard(2), undefined)
    await store.close()
  })

  it('make an index as far as the least of them is', async () => {
    const folder = await openDataFolder(await tempFolder(), { shards: 3 })
    const store = new ShardedStateStore(3)
    store.addShard(0, await folder.openShard(0))
    const ready: IndexStatus = { type: 'T', index: 'i', definition: 'd', status: 'ready' }
    await store.setIndex(ready)
    assert.deepEqual(await store.indexes(), [ready])
    store.addShard(1, await folder.openShard(1))
    assert.deepEqual(await store.indexes(), [{ ...ready, status: 'building' }])
    await store.setIndex(ready)
    assert.deepEqual(await store.indexes('T'), [ready])
    await store.close()
  })
})
