import { join } from 'node:path'
import { describeClusterStore, openFaultyProxy } from '@epicserver/conformance'
import type { ClusterStoreHarness, FaultyClient } from '@epicserver/conformance'
import { ClusterClient, openClusterAuthority } from '@epicserver/cluster-lmdb'
import type { ClusterAuthority } from '@epicserver/cluster-lmdb'
import type { ClusterStore } from '@epicserver/contracts'
import { ManualClock } from './manual-clock.ts'
import { makeTempFolder } from './temp-folder.ts'

/** An authority with a clock of the test's own. */
async function open(): Promise<ClusterStoreHarness> {
  const clock = new ManualClock()
  const folder = await makeTempFolder({ isInMemory: true })
  const socketPath = join(folder.path, 'cluster.sock')
  const start = (): Promise<ClusterAuthority> =>
    openClusterAuthority({ folder: join(folder.path, 'truth'), socketPath, clock })
  let authority = await start()
  let proxies = 0
  return {
    connect: async () => new ClusterClient({ socketPath }),
    now: () => clock.now(),
    advance: async (ms) => clock.advance(ms),
    dropHistory: () => authority.dropHistory(),
    connectFaulty: async (): Promise<FaultyClient> => {
      proxies += 1
      const path = join(folder.path, `proxy-${proxies}.sock`)
      const proxy = await openFaultyProxy({ listenOn: { path }, connectTo: { path: socketPath } })
      const store = new ClusterClient({ socketPath: path, requestMs: 400 })
      await store.list('')
      return {
        store: closingBoth(store, proxy),
        cut: () => proxy.cut(),
        loseReplies: () => proxy.loseReplies(),
        heal: () => proxy.heal(),
      }
    },
    restart: async () => {
      await authority.close()
      authority = await start()
    },
    close: async () => {
      await authority.close()
      await folder.remove()
    },
  }
}

/** The client, whose end is that of its proxy too. */
function closingBoth(store: ClusterClient, proxy: { close(): Promise<void> }): ClusterStore {
  const close = store.close.bind(store)
  store.close = async () => {
    await close()
    await proxy.close()
  }
  return store
}

describeClusterStore('ClusterClient over a unix socket', open, { clock: 'simulated' })
