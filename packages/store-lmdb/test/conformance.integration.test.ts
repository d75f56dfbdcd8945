import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeStateStore } from '@epicserver/conformance'
import type { StateStoreHarness } from '@epicserver/conformance'
import { LmdbStateStore } from '@epicserver/store-lmdb'

async function open(): Promise<StateStoreHarness> {
  const path = await mkdtemp(join(tmpdir(), 'epic-store-lmdb-'))
  let store = await LmdbStateStore.open(path)
  return {
    store,
    reopen: async () => {
      await store.close()
      store = await LmdbStateStore.open(path)
      return store
    },
    close: async () => {
      await store.close()
      await rm(path, { recursive: true })
    },
  }
}

describeStateStore('LmdbStateStore', open)
