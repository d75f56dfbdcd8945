/**
 * A node in a cluster: joins, opens its partitions, serves them, and lets them go.
 *
 * It performs what the fabric's member decides: requests to the cluster store, messages to peers, opening and closing of
 * partitions. Serving a partition takes three things, in this order: the view gives it to this node, all members have
 * installed that view (the member says `gained`), and its store is open. Losing it goes the other way round: calls are sent on,
 * running turns finish, what is unsaved is saved, the store is closed, and only then the member says `installed`.
 *
 * A fenced node is finished: it closes at once and says so; whoever started it makes a new one.
 */
import { EpicError, isEpicError, partitionOf, type ClusterStore } from '@epicserver/contracts'
import {
  ClusterMember,
  type Effect,
  type FenceReason,
  type Mutation,
  type StoreEffect,
  type StoreReply,
} from '@epicserver/fabric'
import type { Activation } from '@epicserver/kernel'
import { ClockGuard } from '../node/clock-guard.ts'
import { ClusterRouter, type Links } from './cluster-router.ts'
import { RUNTIME_LIMITS } from '../limits.ts'
import type { Log } from '../log.ts'
import { createLog } from '../log.ts'
import { EntityNode, type NodeOptions } from '../node/node.ts'
import type { PeerNetwork } from './peer-network.ts'
import { Peers } from './peers.ts'
import type { NodePorts, Pending } from '../node/ports.ts'

/** Opens and closes the parts of a store that belong to partitions. */
export interface PartitionStore {
  acquire(partitions: readonly number[], epoch: number): Promise<void>
  release(partitions: readonly number[]): Promise<void>
}

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

export class ClusterNode {
  readonly #options: ClusterNodeOptions
  readonly #member: ClusterMember
  readonly #log: Log
  readonly #guard: ClockGuard
  readonly #watches = new Map<number, { close(): void }>()
  #node: EntityNode | undefined
  #router: ClusterRouter | undefined
  #peers: Peers | undefined
  #tick: Pending | undefined
  #storeWork: Promise<void> = Promise.resolve()
  #onServing: (() => void) | undefined
  #onDrained: (() => void) | undefined
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
  }

  /** Joins the cluster; resolves with the node when it is a member of a view. */
  start(): Promise<EntityNode> {
    return new Promise((resolve) => {
      this.#onServing = () => resolve(this.#node as EntityNode)
      this.#readClocks()
      this.#member.join(this.#now())
      this.#pump()
    })
  }

  get node(): EntityNode | undefined {
    return this.#node
  }

  get member(): ClusterMember {
    return this.#member
  }

  /** Calls that wait to go somewhere, and those that wait for another node's answer. */
  get counts(): { readonly heldCalls: number; readonly callsElsewhere: number } {
    return {
      heldCalls: this.#router?.heldCount ?? 0,
      callsElsewhere: this.#peers?.waitingCount ?? 0,
    }
  }

  /** Gives all partitions to others; resolves when none is left. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained = resolve
      this.#member.drain(this.#now())
      this.#pump()
    })
  }

  /** Takes partitions again: the end of `drain`. */
  activate(): void {
    this.#member.activate(this.#now())
    this.#pump()
  }

  /** Lets running turns finish, saves everything, and leaves. */
  async stop(): Promise<void> {
    if (this.#node !== undefined && !this.#isFinished) {
      this.#node.kernel.stop()
      await this.#quiet(() => true)
      this.#member.leave(this.#now())
      this.#pump()
    }
    await this.#storeWork
    this.#finish()
  }

  /** Ends at once, as a crash would. */
  kill(): void {
    this.#finish()
  }

  readonly #pump = (): void => {
    for (
      let effect = this.#member.pollEffect();
      effect !== undefined;
      effect = this.#member.pollEffect()
    )
      this.#perform(effect)
    this.#arm()
  }

  #arm(): void {
    this.#tick?.cancel()
    const at = this.#member.pollWakeAt()
    if (at === Infinity || this.#isFinished) return
    this.#tick = this.#options.ports.clock.setTimer(this.#handleTick, Math.max(0, at - this.#now()))
  }

  readonly #handleTick = (): void => {
    if (this.#isFinished) return
    this.#readClocks()
    this.#member.handleTick(this.#now())
    this.#router?.release()
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
        this.#peers?.sendFabric(effect.to, effect.message)
        break
      case 'viewChanged':
        this.#log.debug('a view is installed', {
          viewNo: effect.view.viewNo,
          members: effect.view.members.length,
        })
        this.#ensureNode()
        this.#peers?.handleView(effect.view)
        this.#router?.release()
        if (effect.view.members.some(({ nodeId }) => nodeId === this.#member.nodeId)) {
          this.#onServing?.()
          this.#onServing = undefined
        }
        break
      case 'gained':
        this.#gain(effect.partitions, effect.epoch)
        break
      case 'lost':
        this.#lose(effect.partitions, effect.viewNo)
        break
      case 'drained':
        this.#onDrained?.()
        break
      case 'fence':
        this.#fence(effect.reason)
        break
      default:
        void this.#ask(effect)
    }
  }

  /** The node's id is its lease's, so the node can only be made now. */
  #ensureNode(): void {
    const nodeId = this.#member.nodeId
    if (this.#node !== undefined || nodeId === undefined) return
    const { ports, network, ...rest } = this.#options
    const links: Links = {
      to: (id) => this.#peers?.to(id),
      askAll: (what, args, timeLeftMs) =>
        this.#peers?.askAll(what, args, timeLeftMs) ?? Promise.resolve([]),
    }
    const router = new ClusterRouter({
      member: this.#member,
      links,
      clock: ports.clock,
      guard: this.#guard,
      dispatch: (call) => node.dispatch(call),
    })
    const node: EntityNode = new EntityNode({ ...rest, nodeId, ports: { ...ports, router } })
    this.#router = router
    this.#node = node
    this.#peers = new Peers(
      { member: this.#member, router, node, log: this.#log, pump: this.#pump },
      network(nodeId),
    )
  }

  // ── Partitions ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #gain(partitions: readonly number[], epoch: number): void {
    this.#afterStoreWork(async () => {
      const startedAt = this.#now()
      await this.#options.partitions.acquire(partitions, epoch)
      this.#log.debug('partitions are open', {
        count: partitions.length,
        epoch,
        openedInMs: this.#now() - startedAt,
      })
      const served = partitions.filter((partition) => this.#member.isServing(partition))
      if (this.#isFinished) return
      this.#router?.setReady(served, true)
      this.#node?.indexes.request()
    })
  }

  #lose(partitions: readonly number[], viewNo: number): void {
    const lost = new Set(partitions)
    this.#router?.setReady(partitions, false)
    this.#afterStoreWork(async () => {
      await this.#quiet((activation) =>
        lost.has(partitionOf(activation.type.plan.name, activation.id)),
      )
      await this.#options.partitions.release(partitions)
      if (this.#isFinished) return
      this.#member.ackLost(viewNo, this.#now())
      this.#pump()
    })
  }

  /** Store work is done one piece after the other, so that a partition is never closed before it was opened. */
  #afterStoreWork(work: () => Promise<void>): void {
    this.#storeWork = this.#storeWork.then(work).catch((error: unknown) => {
      this.#log.error('a partition could not be opened or closed; this node stops', { error })
      this.#member.leave(this.#now())
      this.#fence('left')
    })
  }

  /** Puts the chosen activations away: waits for their turns, a while, then ends them. */
  async #quiet(isChosen: (activation: Activation) => boolean): Promise<void> {
    const node = this.#node
    if (node === undefined) return
    const until = this.#now() + RUNTIME_LIMITS.stopGraceMs
    for (;;) {
      const left = activationsOf(node).filter((activation) => isChosen(activation))
      if (left.length === 0 || this.#isFinished) return
      const isOver = this.#now() >= until
      for (const activation of left) {
        if (isOver) node.durability.lose(activation, tookTooLong(activation))
        else node.kernel.retire(activation, 'moving')
      }
      node.scheduleDrain()
      await new Promise<void>((resolve) => this.#options.ports.clock.setTimer(resolve, 1))
    }
  }

  // ── The cluster store ──────────────────────────────────────────────────────────────────────────────────────────────────

  async #ask(effect: StoreEffect): Promise<void> {
    const { clusterStore } = this.#options
    if (effect.kind === 'watch') {
      const { token } = effect
      this.#watches.set(
        token,
        clusterStore.watch(effect.prefix, effect.from, (events) =>
          this.#tell(() => this.#member.handleWatch({ token, events }, this.#now())),
        ),
      )
      return
    }
    if (effect.kind === 'unwatch') {
      this.#watches.get(effect.token)?.close()
      this.#watches.delete(effect.token)
      return
    }
    const reply = await this.#replyTo(effect)
    this.#tell(() => this.#member.handleStoreReply(reply, this.#now()))
  }

  async #replyTo(effect: Exclude<StoreEffect, { kind: 'watch' | 'unwatch' }>): Promise<StoreReply> {
    const { clusterStore } = this.#options
    const { token } = effect
    try {
      switch (effect.kind) {
        case 'grant': {
          const lease = await clusterStore.grant(effect.ttlMs)
          this.#options.onLeased?.(lease.id)
          return { kind: 'granted', token, ...lease }
        }
        case 'keepAlive':
          return { kind: 'renewed', token, ...(await clusterStore.keepAlive(effect.lease)) }
        case 'revoke':
          await clusterStore.revoke(effect.lease)
          return { kind: 'revoked', token }
        case 'list':
          return { kind: 'listed', token, ...(await clusterStore.list(effect.prefix)) }
        case 'txn': {
          const { ok, rev } = await clusterStore.txn(effect.txn)
          return { kind: 'committed', token, ok, rev }
        }
      }
    } catch (error) {
      return { kind: 'failed', token, code: isEpicError(error) ? error.code : 'Unknown' }
    }
  }

  #tell(event: () => void): void {
    this.#guard.check(this.#now())
    if (this.#isFinished) return
    event()
    this.#pump()
  }

  // ── The end ────────────────────────────────────────────────────────────────────────────────────────────────────────────

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
    for (const effect of effects) if (effect.kind === 'revoke') void this.#replyTo(effect)
    this.#options.onFenced(reason)
  }

  #finish(): void {
    if (this.#isFinished) return
    this.#isFinished = true
    this.#tick?.cancel()
    this.#node?.close()
    this.#peers?.close()
    for (const watch of this.#watches.values()) watch.close()
  }

  #now(): number {
    return this.#options.ports.clock.monotonicMs()
  }
}

function tookTooLong({ type, id }: Activation): EpicError {
  return new EpicError(
    'Fenced',
    `Cannot finish what "${type.plan.name}/${id}" was doing: its partition goes to another node`,
  )
}

function activationsOf(node: EntityNode): Activation[] {
  return [...node.kernel.types.values()].flatMap((type) => [...type.activations.values()])
}
