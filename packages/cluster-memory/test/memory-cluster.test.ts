import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
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

describe('MemoryCluster: turns of its own', () => {
  it('are asked for when a watcher has something to hear, and not by renewals', async () => {
    const deferred: (() => void)[] = []
    const cluster = new MemoryCluster({ now: () => 0, defer: (run) => deferred.push(run) })
    const store = cluster.connect()
    store.watch('', 0n, () => undefined)
    const { id } = await store.grant(6_000)
    await store.keepAlive(id)
    assert.equal(deferred.length, 0)
    const put = { op: 'put', key: 'k', value: new Uint8Array() } as const
    await store.txn({ if: [], then: [put] })
    await store.keepAlive(id)
    assert.equal(deferred.length, 1)
  })
})
