/**
 * One node's part in the cluster: from asking for a lease to serving partitions, and to the end of both.
 *
 * It owns no socket, store or clock. The world tells it what happened (`handleX`, with the monotonic time in milliseconds), and
 * performs, in order, what `pollEffect` yields; it comes back with `handleTick` when `pollWakeAt` has come. After each
 * event the parts are brought up to date in one fixed order (`#settle`): first the question whether this node may still
 * live, then what the store shows, then what is to be proposed, kept and said.
 *
 * What it does not do: it opens no channels and routes no calls; it says who owns what and whether this node may serve.
 * A finished member is never revived: the runtime makes a new one, which gets a new lease and so a new id.
 *
 * | phase | meaning | left by | to |
 * | --- | --- | --- | --- |
 * | idle | not asked to join | `join` | asking |
 * | asking | no lease yet | the lease is granted / `leave` | registering / finished |
 * | registering | has a lease, is in no view | a view with it / `leave` / fence | member / finished / finished |
 * | member | serves what it owns | `leave` / fence | leaving / finished |
 * | leaving | stops what it served | the last `ackLost` / fence | finished |
 * | finished | effect `fence` was given | – | |
 *
 * Proposed by `PROTOCOL.md`; the invariants I1–I12 there are asserted in `test/simulation`.
 */
import type { LeaseId, Rev } from '@epicserver/contracts'
import { makeEpoch } from '@epicserver/contracts'
import { assert } from './assert.ts'
import { ClockWatch } from './clock-watch.ts'
import { Outbox } from './effects.ts'
import type {
  ClockReading,
  Effect,
  FenceReason,
  NodeId,
  StoreReply,
  WatchReport,
} from './effects.ts'
import { KeptRecord } from './kept-record.ts'
import { Lease } from './lease.ts'
import { GRANTS_PER_EPOCH_MAX } from './limits.ts'
import { encodeMemberRecord } from './member-info.ts'
import type { MemberInfo, MemberState } from './member-info.ts'
import { Mirror, recordKeys } from './mirror.ts'
import type { RecordKeys } from './mirror.ts'
import { isPeerMessage } from './peer-message.ts'
import type { PeerMessage } from './peer-message.ts'
import { LoadBoard } from './load-board.ts'
import { Proposer } from './proposer.ts'
import type { ProposerRole } from './proposer.ts'
import { Residents } from './residents.ts'
import type { Resident } from './standing.ts'
import { memberMutations, memberOptions } from './timing.ts'
import type { MemberConfig, MemberOptions } from './timing.ts'
import { memberOf } from './view.ts'
import type { View } from './view.ts'
import { Wedge } from './wedge.ts'

/** Where a member is in its life; the table is in the file's head. */
export type MemberPhase = 'idle' | 'asking' | 'registering' | 'member' | 'leaving' | 'finished'

/** What to do with an operation that came from another member. */
export type Admission =
  /** This node serves the partition. */
  | 'serve'
  /** This node will serve it, or a newer view is on its way: keep the operation until then. */
  | 'wait'
  /** Another node owns the partition: answer with `Moved`. */
  | 'moved'
  /** The sender is no member, or this node may not act: drop it. */
  | 'drop'

/** An operation, as far as its admission depends on it. */
export interface Arrival {
  readonly from: NodeId
  /** The sender's view when it sent. */
  readonly viewNo: number
  readonly partition: number
}

/** What the master's record says: its lease says it all. */
const NOTHING = new Uint8Array()

/**
 * The cluster, as one of its nodes sees it.
 * @example
 * const member = new ClusterMember({ address: '[::1]:3030', boot, appVersion: '1', ttlMs: 6000, random })
 * member.handleClock({ wallMs, uptimeMs, boot }, now)
 * member.join(now)
 * for (let effect = member.pollEffect(); effect !== undefined; effect = member.pollEffect()) perform(effect)
 */
export class ClusterMember {
  /** Where entities live that may live away from home. */
  readonly residents: Residents
  /** How busy the members are. */
  readonly loads: LoadBoard
  readonly #config: MemberConfig
  readonly #options: MemberOptions
  readonly #keys: RecordKeys
  readonly #outbox = new Outbox()
  readonly #clock: ClockWatch
  readonly #lease: Lease
  readonly #mirror: Mirror
  readonly #ownRecord: (nodeId: NodeId) => KeptRecord
  readonly #seat: KeptRecord
  readonly #proposer: Proposer
  #record: KeptRecord | undefined
  #wedge: Wedge | undefined
  #phase: MemberPhase = 'idle'
  #wanted: MemberState = 'active'
  #written: { readonly state: MemberState; readonly bytes: Uint8Array } | undefined
  #hasSeenOwnRecord = false
  #hasSaidDrained = false
  #grants = new Map<number, { epoch: number; counter: number }>()

  constructor(config: MemberConfig) {
    const options = memberOptions(config)
    const mutations = memberMutations(config)
    const keys = recordKeys(options.keyPrefix)
    const outbox = this.#outbox
    this.#config = config
    this.#options = options
    this.#keys = keys
    this.#clock = new ClockWatch(config.boot, mutations)
    this.#lease = new Lease(outbox, { ...options, ttlMs: config.ttlMs, mutations })
    this.#mirror = new Mirror(outbox, { ...options, keys })
    this.#ownRecord = (nodeId): KeptRecord =>
      new KeptRecord(outbox, this.#mirror, { ...options, key: keys.member + nodeId, when: 'mine' })
    this.#seat = new KeptRecord(outbox, this.#mirror, {
      ...options,
      key: keys.master,
      when: 'free',
    })
    this.#proposer = new Proposer(outbox, this.#mirror, { ...options, keys, random: config.random })
    this.residents = this.#createResidents()
    this.loads = new LoadBoard(outbox, options.loadEveryMs)
  }

  // What the application asks for

  /**
   * Asks to become a member; `joining` waits with partitions until `activate`. `handleClock` comes first: a suspension between the
   * lease and the first reading would go unseen.
   */
  join(now: number, as: 'active' | 'joining' = 'active'): void {
    if (this.#phase !== 'idle') return
    assert(this.#clock.hasReading, 'the clocks are read before a lease is asked for')
    this.#phase = 'asking'
    this.#wanted = as
    this.#lease.ask(this.#at(now))
    this.#mirror.start(this.#at(now))
  }

  /** Takes partitions from now on; also ends draining. */
  activate(now: number): void {
    this.#wanted = 'active'
    this.#hasSaidDrained = false
    this.#settle(now)
  }

  /** Gives its partitions to others, some at a time; the effect `drained` says that none is left, to each who asks anew. */
  drain(now: number): void {
    this.#wanted = 'draining'
    this.#hasSaidDrained = false
    this.#settle(now)
  }

  /** Stops all at once and gives its lease back; what it still owned goes to others. */
  leave(now: number): void {
    if (this.#phase === 'finished' || this.#phase === 'leaving') return
    this.#phase = 'leaving'
    this.#wedge?.stopAll()
    this.#settle(now)
  }

  /**
   * Says that what was lost up to this view executes here no more, and has let go of its store. `staying` are entities that go on
   * here all the same, away from home: their new owner is told.
   */
  ackLost(viewNo: number, now: number, staying: Iterable<Resident> = []): void {
    this.residents.handleStaying(staying)
    this.#wedge?.ackLost(viewNo)
    this.#settle(now)
  }

  /**
   * A new epoch for an activation in a partition that is served here: higher than any before, whoever gave it.
   */
  nextGrantEpoch(partition: number): bigint {
    assert(this.isServing(partition), `partition ${partition} is served where it is granted`)
    const epoch = this.partitionEpoch(partition)
    const grant = this.#grants.get(partition)
    const counter = grant?.epoch === epoch ? grant.counter + 1 : 1
    assert(counter <= GRANTS_PER_EPOCH_MAX, `grants of partition ${partition} fit into 32 bits`)
    this.#grants.set(partition, { epoch, counter })
    return makeEpoch(epoch, counter)
  }

  // What the world tells

  handleStoreReply(reply: StoreReply, now: number): void {
    const at = this.#at(now)
    const isMine =
      this.#lease.handleReply(reply, at) ||
      this.#mirror.handleReply(reply, at) ||
      this.#seat.handleReply(reply, at) ||
      this.#proposer.handleReply(reply, at) ||
      this.#record?.handleReply(reply, at)
    if (isMine === true) this.#settle(now)
  }

  handleWatch(report: WatchReport, now: number): void {
    if (this.#mirror.handleWatch(report, this.#at(now))) this.#settle(now)
  }

  /** A message of a peer whose identity the channel has proved. */
  handlePeerMessage(from: NodeId, message: PeerMessage, now: number): void {
    if (!this.#isAlive || !isPeerMessage(message)) return
    this.#noteView(message.viewNo, now)
    if (message.kind === 'installed' || message.kind === 'askInstalled') {
      this.#wedge?.handleMessage(from, message)
    } else if (this.canServe(now)) {
      if (message.kind === 'load' || message.kind === 'loads')
        this.loads.handleMessage(from, message)
      else this.residents.handleMessage(from, message, this.#at(now))
    }
    this.#settle(now)
  }

  /** A reading of the other clocks: at the start of each turn of the event loop, before anything is served. */
  handleClock(reading: ClockReading, now: number): void {
    const reason = this.#clock.handleReading(reading, now)
    if (reason !== undefined && this.#lease.id !== undefined) this.#fence(reason)
    this.#settle(now)
  }

  handleTick(now: number): void {
    if (!this.#isAlive) return
    const at = this.#at(now)
    this.#lease.handleTick(at)
    this.#mirror.handleTick(at)
    this.#wedge?.handleTick(at)
    if (this.canServe(now)) {
      this.residents.handleTick(at)
      this.#tellLoads(at)
    }
    this.#settle(now)
  }

  // What the world must do

  /** The next effect; effects are performed in this order. */
  pollEffect(): Effect | undefined {
    return this.#outbox.shift()
  }

  /** When `handleTick` must be called at the latest. */
  pollWakeAt(): number {
    if (!this.#isAlive) return Infinity
    const livesAt = Math.min(this.#lease.wakeAtMs, this.#mirror.wakeAtMs)
    if (this.#phase === 'leaving') return livesAt - this.#clock.missedMs
    const at = Math.min(
      livesAt,
      this.#seat.wakeAtMs,
      this.#proposer.wakeAtMs,
      this.#record?.wakeAtMs ?? Infinity,
      this.#wedge?.wakeAtMs ?? Infinity,
      this.residents.wakeAtMs,
      this.loads.wakeAtMs,
    )
    return at - this.#clock.missedMs
  }

  // What holds

  get phase(): MemberPhase {
    return this.#phase
  }

  /** This node's id, once it has a lease. */
  get nodeId(): NodeId | undefined {
    return this.#lease.id
  }

  /** Before this instant of the monotonic clock the node may serve. */
  get deadlineMs(): number {
    return this.#lease.deadlineMs - this.#clock.missedMs
  }

  /** The view that this node has installed. */
  get view(): View | undefined {
    return this.#wedge?.view
  }

  /** Which partitions move as one. */
  get unit(): (partition: number) => number {
    return this.#options.unit
  }

  get installedNo(): number {
    return this.#wedge?.installedNo ?? 0
  }

  /** Who holds the master's seat, as far as this node knows. */
  get masterId(): NodeId | undefined {
    return this.#mirror.record(this.#keys.master)?.lease
  }

  /** Grows with each master. */
  get term(): Rev | undefined {
    return this.#mirror.record(this.#keys.master)?.rev
  }

  /** Whether this node may have any effect at this instant: ask before each. */
  canServe(now: number): boolean {
    return this.#isAlive && this.#lease.canServe(this.#at(now))
  }

  /** Whether entities of this partition run here; `canServe` is asked besides. */
  isServing(partition: number): boolean {
    return this.#wedge?.isServing(partition) ?? false
  }

  ownerOf(partition: number): NodeId | undefined {
    return this.view?.owner[partition]
  }

  partitionEpoch(partition: number): number {
    return this.view?.partitionEpoch[partition] ?? 0
  }

  /** What to do with an operation that another member sent for a partition. */
  admit(arrival: Arrival, now: number): Admission {
    const view = this.view
    if (view === undefined || !this.canServe(now)) return 'drop'
    const isMember = memberOf(view, arrival.from) !== undefined
    if (arrival.viewNo > view.viewNo) {
      this.#noteView(arrival.viewNo, now)
      return isMember ? 'wait' : 'drop'
    }
    if (!isMember) return 'drop'
    if (this.ownerOf(arrival.partition) !== this.nodeId) return 'moved'
    if (arrival.viewNo < this.partitionEpoch(arrival.partition)) return 'moved'
    return this.isServing(arrival.partition) ? 'serve' : 'wait'
  }

  get #isAlive(): boolean {
    return this.#phase !== 'idle' && this.#phase !== 'finished'
  }

  /** The monotonic clock, with the time that it missed. */
  #at(now: number): number {
    return now + this.#clock.missedMs
  }

  /** Somebody has a newer view: the watch is behind, so read the store. */
  #noteView(viewNo: number, now: number): void {
    if (viewNo > (this.view?.viewNo ?? 0)) this.#mirror.refresh(this.#at(now))
  }

  #settle(now: number): void {
    if (!this.#isAlive) return
    const at = this.#at(now)
    const reason = this.#fenceReason(at)
    if (reason !== undefined) {
      this.#fence(reason)
      return
    }
    if (this.#phase === 'leaving') {
      this.#finishLeaving()
      return
    }
    const lease = this.#lease.id
    if (lease === undefined) return
    if (this.#phase === 'asking') this.#register(lease)
    this.#install(at)
    if (!this.#isAlive) return
    this.#record?.keep(this.#recordBytes(lease), lease, at)
    if (this.#hasSeenOwnRecord) {
      this.#seat.keep(NOTHING, lease, at)
      this.#proposer.advance(this.#roleOf(lease), at)
    }
    this.residents.settle(at)
    this.#sayDrained(lease)
  }

  #roleOf(lease: LeaseId): ProposerRole {
    const { masterId } = this
    if (masterId !== undefined) return masterId === lease ? 'master' : 'other'
    const first = this.view?.members.find(({ nodeId }) => this.#mirror.members.has(nodeId))
    return first?.nodeId === lease ? 'deputy' : 'other'
  }

  #createResidents(): Residents {
    return new Residents({
      self: () => this.#lease.id ?? '',
      view: () => this.view,
      isServing: (partition) => this.isServing(partition),
      nextGrantEpoch: (partition) => this.nextGrantEpoch(partition),
      canServe: (now) => this.canServe(now),
      at: (now) => this.#at(now),
      emit: (effect) => this.#outbox.push(effect),
      askEveryMs: this.#options.askEveryMs,
      mutations: memberMutations(this.#config),
    })
  }

  #register(lease: LeaseId): void {
    const { askEveryMs } = this.#options
    const mutations = memberMutations(this.#config)
    this.#phase = 'registering'
    this.#record = this.#ownRecord(lease)
    this.#wedge = new Wedge(this.#outbox, {
      self: lease,
      askEveryMs,
      mutations,
      reports: (partition) => this.residents.reports(partition),
      onGained: (partition, reports) => this.residents.handleGained(partition, reports),
    })
  }

  #fenceReason(at: number): FenceReason | undefined {
    if (this.#record?.hasLostLease === true || this.#seat.hasLostLease) this.#lease.markGone()
    if (this.#isOwnRecordGone()) this.#lease.markGone()
    return this.#lease.fenceReason(at)
  }

  /** Nobody deletes a member's record but the end of its lease. */
  #isOwnRecordGone(): boolean {
    const lease = this.#lease.id
    if (lease === undefined) return false
    const isThere = this.#mirror.members.has(lease)
    this.#hasSeenOwnRecord ||= isThere
    return this.#hasSeenOwnRecord && !isThere
  }

  #install(at: number): void {
    const decoded = this.#mirror.view
    if (decoded === undefined) return
    const known = this.view
    const isUsable =
      decoded.ok &&
      decoded.view.owner.length === this.#options.partitions &&
      decoded.view.viewNo >= (known?.viewNo ?? 0)
    if (!isUsable) {
      this.#fence('incompatible')
      return
    }
    if (decoded.view.viewNo === known?.viewNo) return
    const isMember = memberOf(decoded.view, this.#lease.id ?? '') !== undefined
    if (this.#phase === 'member' && !isMember) {
      this.#fence('leaseLost')
      return
    }
    if (isMember) this.#phase = 'member'
    this.#wedge?.install(decoded.view, at)
    this.residents.handleView(at)
  }

  /** Written anew only when it says something else: this is asked after every event. */
  #recordBytes(lease: LeaseId): Uint8Array {
    if (this.#written?.state !== this.#wanted) {
      const bytes = encodeMemberRecord(this.#info(lease))
      this.#written = { state: this.#wanted, bytes }
    }
    return this.#written.bytes
  }

  #info(lease: LeaseId): MemberInfo {
    const { address, boot, appVersion, zone = '', labels = [], weight = 1 } = this.#config
    return { nodeId: lease, address, boot, zone, labels, appVersion, weight, state: this.#wanted }
  }

  #tellLoads(at: number): void {
    const { masterId, nodeId, view } = this
    if (nodeId !== undefined && view !== undefined) {
      this.loads.handleTick({ self: nodeId, masterId, view }, at)
    }
  }

  #sayDrained(lease: LeaseId): void {
    const view = this.view
    if (view === undefined || this.#hasSaidDrained || this.installedNo < view.viewNo) return
    if (memberOf(view, lease)?.state !== 'draining' || view.owner.includes(lease)) return
    if (!this.residents.isEmpty) return
    this.#hasSaidDrained = true
    this.#outbox.push({ kind: 'drained' })
  }

  #finishLeaving(): void {
    if (this.#wedge?.hasStopped ?? true) this.#fence('left')
  }

  /**
   * The end. The lease is given back after the node has stopped, so that the others need not wait for it to run out;
   * effects are performed in order, so it has.
   */
  #fence(reason: FenceReason): void {
    this.#phase = 'finished'
    this.#outbox.clear()
    this.#outbox.push({ kind: 'fence', reason })
    this.#wedge?.end()
    this.residents.end()
    this.#mirror.stop()
    this.#lease.stop()
    const lease = this.#lease.id
    if (lease === undefined || reason === 'leaseLost') return
    this.#outbox.push({ kind: 'revoke', token: this.#outbox.nextToken(), lease })
  }
}
