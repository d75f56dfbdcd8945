/**
 * A node in a cluster: joins, opens its partitions, serves them, and lets them go.
 *
 * It performs what the fabric's member decides. Requests to the cluster store, messages to peers, the opening and closing of
 * partitions, and the places of single entities each have a part of their own; here they are put together, and effects are
 * handed out in order. Serving a partition takes three things, in this order: the view gives it to this node, all members have
 * installed that view (the member says `gained`), and its store is open. Losing it goes the other way round: calls are sent on,
 * running turns finish, what is unsaved is saved, the store is closed, and only then the member says `installed`.
 *
 * A fenced node is finished: it closes at once and says so; whoever started it makes a new one.
 */
import type { ClusterStore, EntityId } from '@epicserver/contracts'
import { ClusterMember, type Effect, type FenceReason, type Mutation } from '@epicserver/fabric'
import { ClockGuard } from '../node/clock-guard.ts'
import type { MoveOutcome } from './departures.ts'
import type { Log } from '../log.ts'
import { createLog } from '../log.ts'
import { createParts, type ClusterParts } from './cluster-parts.ts'
import type { Operators } from './operators.ts'
import type { Balance } from '../placement/balancer.ts'
import type { Foresight } from '../placement/foresight.ts'
import type { BalanceOptions } from '../placement/balance-options.ts'
import type { EntityNode, NodeOptions } from '../node/node.ts'
import type { PeerNetwork } from './peer-network.ts'
import type { NodePorts, Pending } from '../node/ports.ts'
import type { PartitionStore } from './routed-store.ts'
import { StoreDesk } from './store-desk.ts'
import { pause } from '../node/pause.ts'

export interface ClusterNodeOptions extends Omit<NodeOptions, 'nodeId' | 'ports'> {
  readonly ports: Omit<NodePorts, 'router'>
  readonly clusterStore: ClusterStore
  readonly partitions: PartitionStore
  /** Makes the network once the node has its id. */
  readonly network: (nodeId: string) => PeerNetwork
  readonly address: string
  readonly zone?: string
  readonly labels?: readonly string[]
  readonly boot: () => string
  /** Time since boot with the time in suspension, where the system tells it. */
  readonly uptimeMs?: () => number
  /** Processor time of this process since its start, where the system tells it: a part of the node's load. */
  readonly cpuMs?: () => number
  /** How many processors its machine has, for all nodes there: 1 unless it is said. */
  readonly processors?: number
  /** How eagerly entities are moved to where they should be. */
  readonly balance?: BalanceOptions
  readonly appVersion: string
  readonly ttlMs: number
  readonly member?: ConstructorParameters<typeof ClusterMember>[0]['options']
  /** Rules of the protocol that a simulation switches off to prove that it would notice. */
  readonly mutations?: ReadonlySet<Mutation>
  /** Told as soon as the node has its lease, before anybody can see it. */
  readonly onLeased?: (nodeId: string) => void
  /** Told once, when the node is finished. */
  readonly onFenced: (reason: FenceReason) => void
}

/** Why a node is finished, and what helps, for the log. */
const FENCE_REASONS: Readonly<Record<Exclude<FenceReason, 'left'>, string>> = {
  deadline:
    'its lease was not renewed in time, because the machine is too busy, was stopped, or cannot reach the cluster store; a longer lease (--lease-ms) forgives longer delays',
  leaseLost: 'its lease has ended, and others may have what it had',
  clockGap: 'its clocks disagree, as after a suspension or when the time of day is set forward',
  bootChanged: 'it runs on another boot than it started on, as after a restored snapshot',
  incompatible: 'the cluster store holds a view that this version cannot read, or an older one',
}

/** A node that stops looks ever less often whether its calls are answered: what takes long is not much prolonged by that. */
const ANSWERS_LOOK_MS_MAX = 16

export class ClusterNode {
  readonly #options: ClusterNodeOptions
  readonly #member: ClusterMember
  readonly #log: Log
  readonly #guard: ClockGuard
  readonly #desk: StoreDesk
  #parts: ClusterParts | undefined
  #tick: Pending | undefined
  /** When it is due. */
  #tickAtMs = Infinity
  #onServing: (() => void) | undefined
  /** Those who wait until nothing is here any more. */
  #onDrained: ((isDrained: boolean) => void)[] = []
  #isPumping = false
  #isFinished = false

  constructor(options: ClusterNodeOptions) {
    this.#options = options
    this.#log = createLog(options.ports.log)
    this.#guard = new ClockGuard(options.ports.clock, options.uptimeMs, () => {
      this.#readClocks()
      this.#pump()
    })
    this.#member = new ClusterMember({
      address: options.address,
      ...(options.zone !== undefined && { zone: options.zone }),
      ...(options.labels && { labels: options.labels }),
      boot: options.boot(),
      appVersion: options.appVersion,
      ttlMs: options.ttlMs,
      random: options.ports.random,
      ...(options.member && { options: options.member }),
      ...(options.mutations && { mutations: options.mutations }),
    })
    this.#desk = new StoreDesk(options.clusterStore, {
      onLeased: (nodeId) => options.onLeased?.(nodeId),
      onReply: (reply) => this.#tell(() => this.#member.handleStoreReply(reply, this.#now())),
      onWatch: (report) => this.#tell(() => this.#member.handleWatch(report, this.#now())),
    })
  }

  /** Joins the cluster; resolves with the node when it is a member of a view. */
  start(): Promise<EntityNode> {
    return new Promise((resolve) => {
      this.#onServing = () => resolve(this.#parts?.node as EntityNode)
      this.#readClocks()
      this.#member.join(this.#now())
      this.#pump()
    })
  }

  get node(): EntityNode | undefined {
    return this.#parts?.node
  }

  get member(): ClusterMember {
    return this.#member
  }

  /** Calls that wait to go somewhere, and those that wait for another node's answer. */
  get counts(): { readonly heldCalls: number; readonly callsElsewhere: number } {
    const { router, whereabouts, firstPlaces, peers } = this.#parts ?? {}
    const waiting = [router?.heldCount, whereabouts?.waitingCount, firstPlaces?.waitingCount]
    return {
      heldCalls: waiting.reduce<number>((sum, count = 0) => sum + count, 0),
      callsElsewhere: peers?.waitingCount ?? 0,
    }
  }

  /** How busy this node is, and how many entities it has moved to where they should be. */
  get balance(): Balance {
    return this.#started().balancer.state
  }

  /** What this node would move next by itself. */
  foresee(): Foresight {
    return this.#started().balancer.foresee()
  }

  /**
   * Moves an entity to another node, wherever it lives; resolves when it lives there, or has stayed.
   * @throws EpicError `UnknownType`, `Unavailable` when the node to move it to is no active member
   */
  async move(entity: EntityId, nodeId: string): Promise<MoveOutcome> {
    return await this.#started().moves.move(entity, nodeId)
  }

  /** What operators ask of the cluster, at any of its nodes. */
  get operators(): Operators {
    return this.#started().operators
  }

  /**
   * Takes nothing new, gives all partitions to others and moves all entities to them. Resolves with true when none is left, and with
   * false when `activate` has ended it before; it may be asked for again, by others too.
   */
  drain(): Promise<boolean> {
    this.#parts?.evacuation.start()
    return new Promise((resolve) => {
      this.#onDrained.push(resolve)
      this.#member.drain(this.#now())
      this.#pump()
    })
  }

  /** Takes partitions again: the end of `drain`. */
  activate(): void {
    this.#parts?.evacuation.stop()
    this.#member.activate(this.#now())
    this.#pump()
    this.#endDraining(false)
  }

  /** Lets running turns finish, saves everything, and leaves when nothing is on its way here any more. */
  async stop(): Promise<void> {
    const { node, handOver, farewells } = this.#parts ?? {}
    if (node !== undefined && !this.#isFinished) {
      node.kernel.stop()
      await handOver?.quiet(() => true)
      await this.#answered(node)
      await farewells?.sayAll()
      this.#member.leave(this.#now())
      this.#pump()
    }
    await handOver?.settled()
    this.#finish()
  }

  /** Resolves when the calls that this node has made to others are answered, or have taken too long. */
  async #answered({ kernel, limits }: EntityNode): Promise<void> {
    const { clock } = this.#options.ports
    const until = this.#now() + limits.stopGraceMs
    let pauseMs = 1
    while (kernel.counts.pendingCalls > 0 && this.#now() < until && !this.#isFinished) {
      const waitMs = pauseMs
      await pause(clock, waitMs)
      pauseMs = Math.min(2 * pauseMs, ANSWERS_LOOK_MS_MAX)
    }
  }

  /** Ends at once, as a crash would. */
  kill(): void {
    this.#finish()
  }

  /** Performs all effects in order; what asks for it meanwhile finds its effects performed in this same run. */
  readonly #pump = (): void => {
    if (this.#isPumping) return
    this.#isPumping = true
    try {
      while (this.#performNext());
    } finally {
      this.#isPumping = false
    }
    this.#arm()
  }

  #performNext(): boolean {
    const effect = this.#member.pollEffect()
    if (effect !== undefined) {
      this.#perform(effect)
      return true
    }
    const residence = this.#isFinished ? undefined : this.#parts?.residence
    const entityEffect = residence && this.#member.residents.pollEffect()
    if (entityEffect !== undefined) residence?.perform(entityEffect)
    return entityEffect !== undefined
  }

  /** Most events leave the next instant as it was, and its timer too. */
  #arm(): void {
    const at = this.#isFinished ? Infinity : this.#member.pollWakeAt()
    if (at === this.#tickAtMs) return
    this.#tick?.cancel()
    this.#tickAtMs = at
    if (at === Infinity) return
    this.#tick = this.#options.ports.clock.setTimer(this.#handleTick, Math.max(0, at - this.#now()))
  }

  readonly #handleTick = (): void => {
    this.#tickAtMs = Infinity
    if (this.#isFinished) return
    this.#readClocks()
    this.#member.handleTick(this.#now())
    this.#parts?.router.release()
    this.#pump()
  }

  /** Notices time that the monotonic clock missed, as in a machine that was suspended. */
  #readClocks(): void {
    const { boot, uptimeMs, ports } = this.#options
    const reading = {
      wallMs: ports.clock.wallMs(),
      boot: boot(),
      ...(uptimeMs && { uptimeMs: uptimeMs() }),
    }
    this.#member.handleClock(reading, this.#now())
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'sendPeer':
        this.#parts?.peers.sendFabric(effect.to, effect.message)
        break
      case 'viewChanged':
        this.#handleView(effect)
        break
      case 'gained':
        this.#parts?.handOver.gain(effect.partitions, effect.epoch)
        break
      case 'lost':
        this.#parts?.handOver.lose(effect.partitions, effect.viewNo)
        break
      case 'drained':
        this.#endDraining(true)
        break
      case 'fence':
        this.#fence(effect.reason)
        break
      default:
        this.#desk.perform(effect)
    }
  }

  #endDraining(isDrained: boolean): void {
    const waiting = this.#onDrained
    this.#onDrained = []
    for (const resolve of waiting) resolve(isDrained)
  }

  #handleView({ view }: Effect & { readonly kind: 'viewChanged' }): void {
    const { viewNo, members } = view
    this.#log.debug('a view is installed', { viewNo, members: members.length })
    const parts = this.#ensureParts()
    parts?.peers.handleView(view)
    parts?.router.release()
    if (!members.some(({ nodeId }) => nodeId === this.#member.nodeId)) return
    this.#onServing?.()
    this.#onServing = undefined
  }

  /** The node's id is its lease's, so the node can only be made now. */
  #ensureParts(): ClusterParts | undefined {
    const { nodeId } = this.#member
    if (this.#parts === undefined && nodeId !== undefined) this.#parts = this.#create(nodeId)
    return this.#parts
  }

  #create(nodeId: string): ClusterParts {
    return createParts(this.#options, nodeId, {
      member: this.#member,
      guard: this.#guard,
      log: this.#log,
      pump: this.#pump,
      isFinished: () => this.#isFinished,
      fail: () => {
        this.#member.leave(this.#now())
        this.#fence('left')
      },
      drain: () => this.drain(),
      activate: () => this.activate(),
    })
  }

  #started(): ClusterParts {
    if (this.#parts === undefined) throw new Error('A node can be asked once it has started')
    return this.#parts
  }

  #tell(event: () => void): void {
    this.#guard.check(this.#now())
    if (this.#isFinished) return
    event()
    this.#pump()
  }

  // The end

  #fence(reason: FenceReason): void {
    if (this.#isFinished) return
    if (reason !== 'left')
      this.#log.error(`this node may not go on: ${FENCE_REASONS[reason]}`, { reason })
    const effects: Effect[] = []
    for (
      let effect = this.#member.pollEffect();
      effect !== undefined;
      effect = this.#member.pollEffect()
    )
      effects.push(effect)
    this.#finish()
    for (const effect of effects) if (effect.kind === 'revoke') void this.#desk.ask(effect)
    this.#options.onFenced(reason)
  }

  #finish(): void {
    if (this.#isFinished) return
    this.#isFinished = true
    this.#tick?.cancel()
    this.#parts?.close()
    this.#desk.close()
  }

  #now(): number {
    return this.#options.ports.clock.monotonicMs()
  }
}
