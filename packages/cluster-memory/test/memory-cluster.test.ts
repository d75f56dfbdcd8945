import { describeClusterStore } from '@epicserver/conformance'
import type { ClusterStoreHarness } from '@epicserver/conformance'
import { MemoryCluster } from '@epicserver/cluster-memory'

async function open(): Promise<ClusterStoreHarness> {
  let now = 1_000
  const cluster = new MemoryCluster({ now: () => now })
  return {
    connect: async () => cluster.connect(),
    now: () => now,
    advance: async (ms) => {
      now += ms
      cluster.handleTick(now)
    },
    dropHistory: async () => cluster.dropHistory(),
    restart: async () => cluster.restart(),
    close: async () => undefined,
  }
}

describeClusterStore('MemoryCluster', open, { clock: 'simulated' })
