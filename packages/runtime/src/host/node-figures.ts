/** What a node tells about itself to whoever looks after the cluster: how much it holds, how busy it is, whom it refused. */
import { performance } from 'node:perf_hooks'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import type { EntityNode } from '../node/node.ts'
import type { StateFigures } from './cluster/state-address.ts'
import type { NodeSite } from './node-site.ts'
import { refusalsIn, type RefusalCounts } from './refusal-counts.ts'

/** The figures of one node. */
export interface NodeFigures {
  readonly node: string
  readonly pid: number
  readonly upMs: number
  /** Entities in memory, and what they hold. */
  readonly entities: number
  readonly bytes: number
  /** Calls that may run now; that wait for another node or a lock. */
  readonly queued: number
  readonly waiting: number
  readonly timers: number
  /** How many turns of each type have begun since the start; types without any are left out. */
  readonly turns: Readonly<Record<string, number>>
  /** Processor time since the start. */
  readonly cpuMs: number
  /** The share of time in which the event loop was busy, since the start. */
  readonly busyMs: number
  readonly rssBytes: number
  /** Messages to and from other nodes, a second. */
  readonly messages: number
  /** Entities that went to nodes with less to do, and to those with whom they talk. */
  readonly movedForLoad: number
  readonly movedForTalk: number
  /** Those who came and were not let in, by why. */
  readonly refused: RefusalCounts
}

/** The statements of one node on the state store. */
export interface NodeStatements extends StateFigures {
  readonly node: string
}

/** Who is asked for figures. */
export interface Figured {
  readonly cluster: Pick<ClusterNode, 'balance'>
  readonly node: EntityNode
  readonly site: NodeSite
}

/** The names under which nodes ask each other. */
const FIGURES = 'figures'
const STATEMENTS = 'statements'
const ASK_MS = 2_000

/** Lets other nodes, and this one's supervisor, ask. */
export function answerFigures({ cluster, node, site }: Figured): void {
  node.requests.set(FIGURES, () => figuresOf({ cluster, node, site }))
  node.requests.set(STATEMENTS, () => statementsOf(node, site))
}

/** What every node of the cluster says, this one first; who does not answer in time is left out. */
export async function askEveryNode(node: EntityNode, what: string): Promise<unknown[]> {
  const own = await node.requests.get(what)?.(node.nodeId, [])
  const others = await node.ports.router.askOthers(what, [], ASK_MS)
  return [own, ...others.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))]
}

function figuresOf({ cluster, node, site }: Figured): NodeFigures {
  const { activations, activationBytes, queued, pendingCalls, timers, waitingForLocks } =
    node.kernel.counts
  const { load, movedForLoad, movedForTalk } = cluster.balance
  const { user, system } = process.cpuUsage()
  return {
    node: node.nodeId,
    pid: process.pid,
    upMs: Math.round(performance.now()),
    entities: activations,
    bytes: activationBytes,
    queued,
    waiting: pendingCalls + waitingForLocks,
    timers,
    turns: turnsOf(node),
    cpuMs: Math.round((user + system) / 1_000),
    busyMs: Math.round(performance.eventLoopUtilization().active),
    rssBytes: process.memoryUsage.rss(),
    messages: Math.round(load.messages),
    movedForLoad,
    movedForTalk,
    refused: refusalsIn(site.network.counts),
  }
}

function turnsOf({ kernel }: EntityNode): Record<string, number> {
  const turns = [...kernel.types].map(([name, type]): [string, number] => [name, type.turns])
  return Object.fromEntries(turns.filter(([, count]) => count > 0))
}

function statementsOf(node: EntityNode, site: NodeSite): NodeStatements {
  return { node: node.nodeId, ...(site.stateFigures?.() ?? { statements: [], slow: [] }) }
}
