// One of two nodes that make a cluster: what `epic run` starts, with the store in memory. Over unix sockets they are as on one machine,
// over tcp and TLS as on two.

import assert from 'node:assert/strict'
import { ClusterClient } from '@epicserver/cluster-lmdb'
import { partitionOf } from '@epicserver/contracts'
import { ClusterNode, createLog, systemClock, type EntityNode } from '@epicserver/runtime'
import { machineRoute, SocketNetwork, unixRoute } from '@epicserver/runtime/host'
import { MemoryDisk, MemoryStateStore } from '@epicserver/store-memory'
import type { StreamKind } from '../baselines/bare-stream.ts'
import { entities } from './counters.ts'

const nothing = async (): Promise<void> => {}

export interface PairMember {
  readonly node: EntityNode
  /** Whether the other node owns the entity; `undefined` while neither does. */
  readonly isRemote: (type: string, id: string) => boolean | undefined
}

export async function joinPair(
  folder: string,
  name: string,
  stream: StreamKind,
): Promise<PairMember> {
  const log = createLog((level, message, facts) => {
    if (level === 'warn' || level === 'error') console.error(name, level, message, facts)
  })
  const clusterId = 'bench'
  const clusterKey = 'k'.repeat(64)
  const route =
    stream === 'unix'
      ? unixRoute({ clusterId, clusterKey, address: `${folder}/${name}.sock` })
      : machineRoute({
          clusterId,
          secrets: stream === 'tls' ? { clusterKey } : {},
          listenAt: '[::1]:0',
          log,
        })
  const network = await SocketNetwork.listen({ routes: [route], log })
  const [address] = network.addresses
  assert(address !== undefined, 'Nobody listens')
  const cluster = new ClusterNode({
    entities,
    mode: 'production',
    ports: {
      clock: systemClock,
      random: Math.random,
      store: new MemoryStateStore({ disk: new MemoryDisk() }),
      files: { perform: () => Promise.reject(new Error('A bench has no files')) },
      log: (level, message, facts) => log[level](message, facts),
    },
    clusterStore: new ClusterClient({ socketPath: `${folder}/cluster.sock` }),
    partitions: { acquire: nothing, release: nothing },
    network: (nodeId) => {
      network.identify(nodeId)
      return network
    },
    address,
    boot: () => 'bench',
    appVersion: '1',
    ttlMs: 10_000,
    member: { coldStart: { members: 2, waitMs: 10_000 }, joinSettleMs: 20 },
    onFenced: (reason) => {
      console.error(`${name} was fenced: ${reason}`)
      process.exit(1)
    },
  })
  const node = await cluster.start()
  const isRemote = (type: string, id: string): boolean | undefined => {
    const owner = cluster.member.ownerOf(partitionOf(type, id))
    return owner === undefined || owner === '' ? undefined : owner !== node.nodeId
  }
  return { node, isRemote }
}
