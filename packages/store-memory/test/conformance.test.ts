import { describeStateStore } from '@epicserver/conformance'
import type { StateStoreHarness } from '@epicserver/conformance'
import { MemoryDisk, MemoryStateStore } from '@epicserver/store-memory'

async function open(): Promise<StateStoreHarness> {
  const disk = new MemoryDisk()
  const defer = (commit: () => void): void => queueMicrotask(commit)
  let store = new MemoryStateStore({ disk, defer })
  return {
    store,
    reopen: async () => {
      await store.close()
      store = new MemoryStateStore({ disk, defer })
      return store
    },
    crash: async () => {
      store.crash({ landed: Math.floor(store.waitingCount / 2) })
      store = new MemoryStateStore({ disk, defer })
      return store
    },
    close: () => store.close(),
  }
}

describeStateStore('MemoryStateStore', open)
