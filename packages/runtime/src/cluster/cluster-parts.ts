/** Puts the parts of a cluster node together, once it has its id. Each says in its own file what it is for. */
import { EpicError } from '@epicserver/contracts'
import type { ClusterMember, Resident } from '@epicserver/fabric'
import type { ClockGuard } from '../node/clock-guard.ts'
import type { ClusterNodeOptions } from './cluster-node.ts'
import { ClusterRouter } from './cluster-router.ts'
import { Confirmations } from './confirmations.ts'
import { Evacuation } from './evacuation.ts'
import { balancePace } from '../placement/balance-options.ts'
import { Balancer } from '../placement/balancer.ts'
import { Companions } from '../placement/companions.ts'
import { Farewells } from './farewells.ts'
import { FirstPlaces } from '../placement/first-places.ts'
import { LoadMeter } from '../placement/load-meter.ts'
import { Sampler } from '../placement/sampler.ts'
import { HandOver } from './hand-over.ts'
import type { Log } from '../log.ts'
import { Moves } from './moves.ts'
import { EntityNode } from '../node/node.ts'
import { Operators } from './operators.ts'
import { Peers } from './peers.ts'
import type { PeerHost } from './reception.ts'
import { Renewals } from './renewals.ts'
import { Residence } from './residence.ts'
import { RoutedStore } from './routed-store.ts'
import { Whereabouts } from './whereabouts.ts'

/** What the parts need of the whole. */
export interface ClusterHome {
  readonly member: ClusterMember
  readonly guard: ClockGuard
  readonly log: Log
  /** Performs what the member and its residents want by now. */
  readonly pump: () => void
  readonly isFinished: () => boolean
  /** The node cannot go on. */
  readonly fail: () => void
  /** Resolves with whether nothing is left; it may have been called off. */
  readonly drain: () => Promise<boolean>
  readonly activate: () => void
}

/** What brings calls to entities. */
interface CallParts {
  readonly node: EntityNode
  readonly router: ClusterRouter
  readonly store: RoutedStore
  readonly whereabouts: Whereabouts
  readonly residence: Residence
  readonly confirmations: Confirmations
  readonly peers: Peers
  readonly renewals: Renewals
  readonly firstPlaces: FirstPlaces
  readonly sampler: Sampler
  readonly companions: Companions
}

export interface ClusterParts extends CallParts {
  readonly handOver: HandOver
  readonly evacuation: Evacuation
  readonly farewells: Farewells
  readonly operators: Operators
  readonly moves: Moves
  readonly loadMeter: LoadMeter
  readonly balancer: Balancer
  /** Ends at once: nothing more runs or is sent. */
  close(): void
}

export function createParts(
  options: ClusterNodeOptions,
  nodeId: string,
  home: ClusterHome,
): ClusterParts {
  const calls = createCallParts(options, nodeId, home)
  const { member, log, pump, fail, drain, activate } = home
  const { node, router, store, residence, peers, renewals, firstPlaces } = calls
  const { sampler, companions, confirmations } = calls
  const evacuation = new Evacuation({
    ...{ member, node, residence, companions },
    processors: options.processors ?? 1,
  })
  const handOver = new HandOver({
    ...{ member, node, router, residence, confirmations, store, log, pump, fail },
    onStaying: (guests: readonly Resident[]) => evacuation.sendHome(guests),
  })
  const moves = new Moves({ member, node, residence, peers, pump })
  const operators = new Operators({
    ...{ member, node, peers, moves, activate },
    foresee: () => balancer.foresee(),
    drain: async () => {
      const before = evacuation.counts.moved
      if (!(await drain())) throw calledOff(nodeId)
      return evacuation.counts.moved - before
    },
  })
  const pace = balancePace(options.balance)
  const loadMeter = new LoadMeter({
    ...{ node, cpuMs: options.cpuMs },
    messages: () => peers.messages,
    everyMs: pace.measureEveryMs,
    report: (load) => {
      member.loads.report(load)
      pump()
    },
  })
  const balancer: Balancer = new Balancer(
    { member, node, residence, companions, loadMeter, sampler },
    pace,
  )
  const farewells = new Farewells({ node, router, peers })
  for (const part of [
    store,
    moves,
    operators,
    firstPlaces,
    balancer,
    farewells,
    renewals,
    confirmations,
  ])
    for (const [name, handler] of part.requests) node.requests.set(name, handler)
  loadMeter.start()
  balancer.start(options.cpuMs !== undefined)
  const close = (): void => {
    node.close()
    peers.close()
    loadMeter.stop()
    balancer.stop()
  }
  return { ...calls, handOver, evacuation, moves, operators, farewells, loadMeter, balancer, close }
}

function createCallParts(
  { ports, network, partitions, ...rest }: ClusterNodeOptions,
  nodeId: string,
  { member, guard, log, pump, isFinished }: ClusterHome,
): CallParts {
  const { clock } = ports
  const dispatch: EntityNode['dispatch'] = (call) => node.dispatch(call)
  const router: ClusterRouter = new ClusterRouter({
    ...{ member, clock, guard, dispatch },
    links: {
      to: (id) => peers.to(id),
      askAll: (what, args, timeLeftMs) => peers.askAll(what, args, timeLeftMs),
    },
    whereabouts: () => whereabouts,
    residence: () => residence,
    firstPlaces: () => firstPlaces,
    companions: () => companions,
  })
  const store = new RoutedStore({
    store: ports.store,
    partitions,
    clock,
    owners: {
      ask: (partition, what, args) => peers.askIfOpen(member.ownerOf(partition), what, args),
      isClosed: isFinished,
    },
  })
  const node = new EntityNode({ ...rest, nodeId, ports: { ...ports, store, router } })
  const to: Peers['to'] = (id) => peers.to(id)
  const standing: Peers['standing'] = (id) => peers.standing(id)
  const whereabouts = new Whereabouts({
    ...{ member, router, clock, to, standing, dispatch, pump },
    home: () => node,
    isActive: (ref) => node.isActive(ref),
  })
  const onMoved: Companions['handleMoved'] = (key, to) => companions.handleMoved(key, to)
  const confirmations = new Confirmations({ clock, router, peers: () => peers })
  const residence: Residence = new Residence({
    ...{ member, node, whereabouts, confirmations, pump, onMoved },
    release: () => router.release(),
  })
  const companions = new Companions({ node, residence: () => residence })
  const sampler = new Sampler(node)
  const onSampled: Sampler['handleCall'] = (call, to) => sampler.handleCall(call, to)
  const onStale: PeerHost['onStale'] = (id, channel, openedBy) => {
    if (openedBy === 'ours') void renewals.renew(id, channel.secretId)
    else renewals.handleStaleCaller(id, channel)
  }
  const peers = new Peers(
    { member, router, node, whereabouts, confirmations, log, pump, onStale, onSampled },
    network(nodeId),
  )
  const renewals = new Renewals({ node, peers })
  const firstPlaces = new FirstPlaces({ member, node, router, peers: () => peers })
  return {
    ...{ node, router, store, whereabouts, residence, confirmations, peers, renewals },
    ...{ firstPlaces, sampler, companions },
  }
}

function calledOff(nodeId: string): EpicError {
  return new EpicError(
    'Cancelled',
    `Cannot finish draining ${nodeId}: somebody has ended it, and the node takes entities again`,
  )
}
