import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeStateStore } from '@epicserver/conformance'
import type { StateStoreHarness } from '@epicserver/conformance'
import { openDataFolder, ShardedStateStore } from '@epicserver/store-lmdb'
import type { DataFolder } from '@epicserver/store-lmdb'

async function openAll(folder: DataFolder): Promise<ShardedStateStore> {
  const store = new ShardedStateStore(folder.shardCount)
  for (let shard = 0; shard < folder.shardCount; shard += 1) {
    store.addShard(shard, await folder.openShard(shard))
  }
  return store
}

async function open(): Promise<StateStoreHarness> {
  const path = await mkdtemp(join(tmpdir(), 'epic-store-lmdb-'))
  const folder = await openDataFolder(path, { shards: 2 })
  let store = await openAll(folder)
  return {
    store,
    reopen: async () => {
      await store.close()
      store = await openAll(folder)
      return store
    },
    close: async () => {
      await store.close()
      await rm(path, { recursive: true })
    },
  }
}

describeStateStore('ShardedStateStore', open)
