/** What a node process finds on its machine: the cluster's store, where entities are saved, and the ways to other nodes. */
import { basename } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ClusterClient } from '@epicserver/cluster-lmdb'
import { isEpicError, type ClusterStore, type StateStore } from '@epicserver/contracts'
import type { MemberOptions } from '@epicserver/fabric'
import { formatTcpAddress, parseTcpAddress } from '@epicserver/net'
import type { PartitionStore } from '../cluster/routed-store.ts'
import type { Log } from '../log.ts'
import type { App } from '../model/app.ts'
import { checkCharter } from './cluster/charter.ts'
import { nodeListenAddress, type ClusterNodeConfig } from './cluster/cluster-settings.ts'
import { openEngine } from './cluster/engine-address.ts'
import { formatNodeAddress } from './cluster/node-address.ts'
import { machineRoute, neighbourRoute, trustOf, unixRoute } from './cluster/node-routes.ts'
import { checkStateSuits, openState, type StateFigures } from './cluster/state-address.ts'
import { nodeSocketPath } from './left-behind.ts'
import { openShards } from './machine.ts'
import { KEY_PREFIX } from './members.ts'
import { SocketNetwork } from './socket-network.ts'
import type { NodeProcessConfig } from './supervisor-messages.ts'

export interface NodeSite {
  readonly clusterStore: ClusterStore
  readonly store: StateStore
  readonly partitions: PartitionStore
  /** What the state store's statements have cost this node, where it has any. */
  readonly stateFigures?: () => StateFigures
  readonly network: SocketNetwork
  /** Has connections to other machines use these cluster keys; those that stand on another are replaced. */
  readonly replaceKeys?: (keys: readonly string[]) => void
  /** Where others reach this node. */
  readonly address: string
  readonly zone: string
  readonly labels: readonly string[]
  readonly appVersion: string
  readonly member: Partial<MemberOptions>
}

export interface NodeSiteOptions {
  readonly config: NodeProcessConfig
  readonly app: App
  readonly log: Log
}

/** The pause before an engine that is away is asked again. */
const ENGINE_RETRY_MS = 100

/** Opens all that a node needs; it listens from now on. */
export function openNodeSite(options: NodeSiteOptions): Promise<NodeSite> {
  const { authority, cluster } = options.config
  if (cluster !== undefined) return openInCluster(options, cluster)
  if (authority !== undefined) return openAlone(options, authority)
  throw new Error('A node is told of a cluster store')
}

/** One machine alone: shards of its data folder, each with one writing process; they move as a whole. */
async function openAlone({ config, log }: NodeSiteOptions, authority: string): Promise<NodeSite> {
  const shards = await openShards(config.dataFolder, log)
  const address = nodeSocketPath(config.runFolder, config.slot, process.pid)
  const { clusterId } = shards
  const route = unixRoute({ clusterId, clusterKey: config.clusterKey, address })
  return {
    clusterStore: new ClusterClient({ socketPath: authority }),
    store: shards.store,
    partitions: shards,
    network: await SocketNetwork.listen({ routes: [route], log }),
    address,
    zone: '',
    labels: config.labels,
    appVersion: '1',
    member: {
      ...pace(config),
      unit: (partition) => shards.shardOf(partition),
      movesMax: shards.count,
    },
  }
}

/** One of many machines: they share the state store, so a partition that is gained or lost has nothing to open or close. */
async function openInCluster(
  { config, app, log }: NodeSiteOptions,
  { settings, clusterId, compatibility, host }: ClusterNodeConfig,
): Promise<NodeSite> {
  const { runFolder, slot, clusterKey } = config
  checkStateSuits(app, settings.state)
  const clusterStore = await openEngine(settings.engine, settings.name)
  await untilAnswered(() => checkCharter(clusterStore, clusterId))
  const socket = nodeSocketPath(runFolder, slot, process.pid)
  const near = neighbourRoute({ clusterId, clusterKey, address: socket, runFolder, host })
  const listenAt = nodeListenAddress(settings.listen, slot)
  const { secrets } = settings
  const trust = trustOf(secrets)
  let ownPort = 0
  const isOwn = (target: string): boolean => target === formatTcpAddress({ host, port: ownPort })
  const far = machineRoute({ clusterId, secrets, trust, listenAt, isOwn, log })
  const network = await SocketNetwork.listen({ routes: [near, far], compatibility, log })
  const { port } = parseTcpAddress(network.addresses[1] ?? '')
  ownPort = port
  const state = await openState(settings.state, settings.name, log)
  return {
    clusterStore,
    store: state.store,
    stateFigures: () => state.figures(),
    replaceKeys: (keys) => {
      trust.keyring?.replace(keys)
      network.handleKeysReplaced()
    },
    partitions: { isShared: true, acquire: nothing, release: nothing },
    network,
    address: formatNodeAddress({ host, port, socket: basename(socket) }),
    zone: settings.zone,
    labels: config.labels,
    appVersion: settings.appVersion,
    member: { ...pace(config), onEngineLoss: settings.onEngineLoss },
  }
}

/** An engine that is away is waited for, for as long as it takes: its supervisor says so. */
async function untilAnswered(ask: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!isEpicError(error) || error.retry === 'never') throw error
    }
    await pause(ENGINE_RETRY_MS)
  }
}

const nothing = (): Promise<void> => Promise.resolve()

function pace({ leaseMs, processes }: NodeProcessConfig): Partial<MemberOptions> {
  return {
    keyPrefix: KEY_PREFIX,
    rebalanceEveryMs: leaseMs / 4,
    joinSettleMs: 20,
    coldStart: { members: processes, waitMs: 1500 },
  }
}
