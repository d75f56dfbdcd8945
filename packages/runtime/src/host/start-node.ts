/** Puts a node process together: its app, its part of the data folder, its sockets, its place in the cluster. */
import { join } from 'node:path'
import { ClusterClient } from '@epicserver/cluster-lmdb'
import type { FenceReason } from '@epicserver/fabric'
import type { App } from '../model/app.ts'
import { ClusterNode } from '../cluster/cluster-node.ts'
import { FolderFiles } from '../syscalls/folder-files.ts'
import type { Log } from '../log.ts'
import type { EntityNode } from '../node/node.ts'
import { systemClock } from '../node/system-clock.ts'
import { bootId } from './boot-id.ts'
import { nodeSocketPath } from './left-behind.ts'
import { loadApp } from './load-app.ts'
import { KEY_PREFIX, openShards } from './machine.ts'
import { SocketNetwork } from './socket-network.ts'
import type { NodeProcessConfig } from './supervisor-messages.ts'

/** A node that is a member of its cluster. */
export interface StartedNode {
  readonly app: App
  readonly cluster: ClusterNode
  readonly node: EntityNode
  readonly clusterStore: ClusterClient
}

export interface StartNodeOptions {
  readonly config: NodeProcessConfig
  readonly log: Log
  readonly onLeased: (nodeId: string) => void
  readonly onFenced: (reason: FenceReason) => void
}

/** Joins the cluster of the machine. */
export async function startNode({
  config,
  log,
  onLeased,
  onFenced,
}: StartNodeOptions): Promise<StartedNode> {
  const app = await loadApp(config.appFile)
  const shards = await openShards(config.dataFolder, log)
  const clusterStore = new ClusterClient({ socketPath: config.authority })
  const address = nodeSocketPath(config.runFolder, config.slot, process.pid)
  let network: SocketNetwork | undefined
  const cluster = new ClusterNode({
    entities: app.entities,
    mode: config.mode,
    ports: {
      clock: systemClock,
      random: Math.random,
      store: shards.store,
      files: new FolderFiles(join(config.dataFolder, 'files'), app.files.allow),
      log: (level, message, facts) => log[level](message, facts),
    },
    clusterStore,
    partitions: shards,
    network: (nodeId) => {
      network = new SocketNetwork({
        nodeId,
        clusterId: shards.clusterId,
        clusterKey: config.clusterKey,
        address,
        log,
      })
      return network
    },
    address,
    boot: bootId,
    appVersion: '1',
    ttlMs: config.leaseMs,
    member: {
      keyPrefix: KEY_PREFIX,
      unit: (partition) => shards.shardOf(partition),
      movesMax: shards.count,
      rebalanceEveryMs: config.leaseMs / 4,
      joinSettleMs: 20,
      coldStart: { members: config.processes, waitMs: 1500 },
    },
    onLeased,
    onFenced,
  })
  const node = await cluster.start()
  await network?.listening
  node.tasks.start()
  return { app, cluster, node, clusterStore }
}
