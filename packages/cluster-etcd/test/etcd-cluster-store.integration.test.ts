import {
  describeClusterStore,
  findEtcd,
  openFaultyProxy,
  startEtcdServers,
} from '@epicserver/conformance'
import type { ClusterStoreHarness, FaultyClient } from '@epicserver/conformance'
import { EtcdClusterStore } from '@epicserver/cluster-etcd'
import { COMPACT, encodeCompaction } from '#src/etcd-messages.ts'
import { EtcdConnection } from '#src/etcd-connection.ts'
import { patience } from './patience.ts'

const etcd = await findEtcd()
const prefix = 'epic/conformance/'

async function open(): Promise<ClusterStoreHarness> {
  const servers = await startEtcdServers({ binary: etcd.binary ?? '', count: 3 })
  const { endpoints } = servers
  return {
    connect: async () => new EtcdClusterStore({ endpoints, prefix, ...patience }),
    now: () => performance.now(),
    dropHistory: () => compact(endpoints),
    connectFaulty: () => connectFaulty(servers.clientPort(0)),
    restart: async () => {
      for (const index of endpoints.keys()) await servers.kill(index)
      await Promise.all(endpoints.map((_, index) => servers.start(index)))
    },
    close: () => servers.stop(),
  }
}

async function compact(endpoints: readonly string[]): Promise<void> {
  const store = new EtcdClusterStore({ endpoints, prefix, ...patience })
  const { rev } = await store.list('')
  await store.close()
  const connection = new EtcdConnection({ endpoints, ...patience })
  await connection.ask({
    attempt: 'compact',
    kind: 'change',
    path: COMPACT,
    message: encodeCompaction(rev),
  })
  connection.close()
}

async function connectFaulty(port: number): Promise<FaultyClient> {
  const proxy = await openFaultyProxy({
    listenOn: { port: 0, host: '127.0.0.1' },
    connectTo: { port, host: '127.0.0.1' },
  })
  const store = new EtcdClusterStore({
    endpoints: [`http://127.0.0.1:${proxy.port}`],
    prefix,
    requestMs: 800,
  })
  await store.list('')
  const close = store.close.bind(store)
  store.close = async () => {
    await close()
    await proxy.close()
  }
  return {
    store,
    cut: () => proxy.cut(),
    loseReplies: () => proxy.loseReplies(),
    heal: () => proxy.heal(),
  }
}

describeClusterStore('EtcdClusterStore on three servers', open, {
  clock: 'real',
  skip: etcd.missing,
})
