/** Puts a node process together: its app, what it finds on its machine, its place in the cluster. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { ClusterStore } from '@epicserver/contracts'
import type { FenceReason } from '@epicserver/fabric'
import { ClusterNode } from '../cluster/cluster-node.ts'
import type { Log } from '../log.ts'
import type { App } from '../model/app.ts'
import type { EntityNode } from '../node/node.ts'
import { systemClock } from '../node/system-clock.ts'
import { FolderFiles } from '../syscalls/folder-files.ts'
import { bootId } from './boot-id.ts'
import { loadApp } from './load-app.ts'
import { answerInspection } from './inspection.ts'
import { answerFigures } from './node-figures.ts'
import { countProcessorTime } from './processor-time.ts'
import { openNodeSite, type NodeSite } from './node-site.ts'
import type { NodeProcessConfig } from './supervisor-messages.ts'

/** A node that is a member of its cluster. */
export interface StartedNode {
  readonly app: App
  readonly cluster: ClusterNode
  readonly node: EntityNode
  readonly clusterStore: ClusterStore
  readonly site: NodeSite
  /** Whether other machines may have a part in it. */
  readonly isInCluster: boolean
}

export interface StartNodeOptions {
  readonly config: NodeProcessConfig
  readonly log: Log
  readonly onLeased: (nodeId: string) => void
  readonly onFenced: (reason: FenceReason) => void
}

/** Joins the cluster. */
export async function startNode({
  config,
  log,
  onLeased,
  onFenced,
}: StartNodeOptions): Promise<StartedNode> {
  const app = await loadApp(config.appFile)
  const site = await openNodeSite({ config, app, log })
  const { clusterStore, store, partitions, network, address, zone, labels, appVersion } = site
  const cluster = new ClusterNode({
    entities: app.entities,
    mode: config.mode,
    ports: {
      clock: systemClock,
      random: Math.random,
      store,
      files: new FolderFiles(join(config.dataFolder, 'files'), app.files.allow),
      log: (level, message, facts) => log[level](message, facts),
    },
    clusterStore,
    partitions,
    network: (nodeId) => {
      network.identify(nodeId)
      return network
    },
    address,
    zone,
    labels,
    boot: bootId,
    cpuMs: countProcessorTime(),
    processors: availableParallelism(),
    ...(config.balanceMs !== undefined && { balance: { everyMs: config.balanceMs } }),
    appVersion,
    ttlMs: config.leaseMs,
    member: site.member,
    onLeased,
    onFenced,
  })
  const node = await cluster.start()
  answerFigures({ cluster, node, site })
  answerInspection(node)
  node.tasks.start()
  return { app, cluster, node, clusterStore, site, isInCluster: config.cluster !== undefined }
}
