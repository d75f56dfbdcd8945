/**
 * One node's entities: which are in memory, what runs next, and what may leave.
 *
 * The idea: every decision is here and nothing else is. The driver tells what happened (`handleX`),
 * asks what to do (`pollX`), and does it. No clock is read, no promise held, no I/O done, so the
 * same kernel runs a server and a simulation.
 *
 * A call's way: `accept` finds or makes the activation and lets the call wait or queues it;
 * `pollTurn` hands it to the driver, which runs the method; `handleTurnEnded` frees its locks and
 * place. An outcome leaves at once, or through the gate of an entity with acknowledged durability:
 * `hold`, then `pollUnsettled` when the node rests, then a comparison and perhaps a write.
 *
 * The parts, each a file: `Mailboxes` (what waits, locks, what runs next), `Lifecycle` and
 * `ActivationTable` (what is in memory), `Redirects`, `Deadlines`, `EntityTimers`, `Gate`. This
 * class puts them together and decides what is refused.
 *
 * Deliberately not here: which node an entity lives on (the fabric's matter), how state is encoded
 * and where it is stored.
 *
 * Subtle: a dropped activation (fenced, or its state lost) may have turns that still run. They are
 * let run to their end, but nothing that they emit leaves: `activation.state` is `gone`, which
 * every emission checks.
 */
import type { EpicError } from '@epicserver/contracts'
import { ActivationTable } from './activation-table.ts'
import { Activation } from './activation.ts'
import type { Call } from './call.ts'
import { forgetLatest, noteLatest, takeOver } from './coalescing.ts'
import { Deadlines } from './deadlines.ts'
import { nameOf } from './deadlock.ts'
import { EffectQueue } from './effect-queue.ts'
import type { DeactivationReason, Effect } from './effects.ts'
import { EntityTimers } from './entity-timers.ts'
import { EntityType } from './entity-type.ts'
import { Fifo } from './fifo.ts'
import type { Gate, Held } from './gate.ts'
import { isExpired, isIdle } from './idleness.ts'
import { assertKernelInvariants } from './invariants.ts'
import type { KernelCounts } from './kernel-counts.ts'
import { isAtRest, Lifecycle } from './lifecycle.ts'
import { KERNEL_LIMITS, type KernelLimits } from './limits.ts'
import { Mailboxes } from './mailboxes.ts'
import type { ClassPlan } from './plan.ts'
import { Redirects } from './redirects.ts'
import * as refusals from './refusals.ts'
import type { Timer } from './timers.ts'
import type { Deadlocked, WaitEdge } from './wait-edges.ts'

export interface KernelOptions {
  /** Names this node in turn keys; unique among nodes. */
  readonly nodeId: string
  readonly now: number
  /** Grants the epoch of a new activation; what it throws is what the call fails with. */
  readonly grantEpoch: (type: string, id: string) => bigint
  readonly limits?: Partial<KernelLimits>
}

export class Kernel {
  readonly types: ReadonlyMap<string, EntityType>
  readonly limits: KernelLimits
  readonly #types = new Map<string, EntityType>()
  readonly #grantEpoch: (type: string, id: string) => bigint
  readonly #table: ActivationTable
  readonly #mailboxes: Mailboxes
  readonly #redirects = new Redirects()
  readonly #deadlines: Deadlines
  readonly #timers: EntityTimers
  readonly #effects = new EffectQueue()
  readonly #lifecycle: Lifecycle
  readonly #unsettled = new Fifo<Activation>()
  #pending = 0
  #stopping = false
  /**
   * The node's coarse clock: the time of the last tick, or whatever later time the driver put here.
   */
  now: number

  constructor(options: KernelOptions) {
    this.types = this.#types
    this.#grantEpoch = options.grantEpoch
    this.limits = { ...KERNEL_LIMITS, ...options.limits }
    this.now = options.now
    this.#table = new ActivationTable(this.#types, this.limits)
    this.#mailboxes = new Mailboxes(options.nodeId)
    this.#deadlines = new Deadlines(options.now)
    this.#timers = new EntityTimers(options.now, this.limits.timersPerEntityMax)
    this.#lifecycle = new Lifecycle({
      table: this.#table,
      mailboxes: this.#mailboxes,
      redirects: this.#redirects,
      timers: this.#timers,
      effects: this.#effects,
    })
  }

  addType(plan: ClassPlan): EntityType {
    if (this.#types.has(plan.name)) throw new Error(`The type ${plan.name} is there already`)
    const type = new EntityType(plan)
    this.#types.set(plan.name, type)
    return type
  }

  get counts(): KernelCounts {
    return {
      activations: this.#table.size,
      activationBytes: this.#table.bytes,
      queued: this.queued,
      pendingCalls: this.#pending,
      timers: this.#timers.size,
      waitingForLocks: this.#mailboxes.waits.size,
    }
  }

  /** How many calls may run now. */
  get queued(): number {
    return this.#mailboxes.runnable.size
  }

  /**
   * Watches the deadline of a call that this node made, until `handleSettled`.
   * @throws EpicError `Overloaded` when the node has as many as it may.
   */
  expect(call: Call): void {
    if (this.#pending >= this.limits.pendingCallsMax) {
      throw refusals.tooManyPending(call, this.#pending)
    }
    this.#pending += 1
    this.#deadlines.add(call, this.now)
  }

  /** The outcome of an expected call is decided. */
  handleSettled(call: Call): void {
    if (this.#pending === 0) {
      throw new Error(`The call of ${call.operation.name} was settled twice, or never expected`)
    }
    this.#pending -= 1
    this.#deadlines.remove(call)
  }

  /** A call for an entity that lives on this node: it will run, or fail at once. */
  accept(type: EntityType, id: string, call: Call): void {
    if (this.#redirects.mustFollow(type, id, call)) {
      this.#redirects.follow(type, id, call)
      return
    }
    const activation = type.activations.get(id) ?? this.#admit(type, id, call)
    if (activation !== null) this.#place(activation, call)
  }

  /**
   * The same for an activation that the caller holds already. Where that has ended, the call goes
   * back to the driver.
   */
  acceptAt(activation: Activation, call: Call): void {
    const { type, id } = activation
    const isLate = activation.state === 'gone' || this.#redirects.mustFollow(type, id, call)
    if (isLate) this.#redirects.follow(type, id, call)
    else this.#place(activation, call)
  }

  /** Whether a call goes behind others of its entity, which an ended activation left on their way. */
  isBehind(type: EntityType, id: string, call: Call): boolean {
    return this.#redirects.mustFollow(type, id, call)
  }

  /** The next call to run. The driver calls its method at once. */
  pollTurn(): Call | undefined {
    let call = this.#mailboxes.runnable.take()
    while (call !== undefined && !this.#isStarted(call)) call = this.#mailboxes.runnable.take()
    return call
  }

  /** Makes a call a running turn; one whose deadline has passed ends instead. */
  #isStarted(call: Call): boolean {
    const activation = call.activation as Activation
    activation.running += 1
    activation.type.turns += 1
    call.status = 'running'
    if (call.operation.coalesce) forgetLatest(activation, call)
    if (call.deadlineAt > this.now) return true
    this.handleTurnEnded(call)
    call.fail(refusals.startedTooLate(call))
    return false
  }

  /** The method of a running call has settled. */
  handleTurnEnded(call: Call): void {
    if (call.status !== 'running') {
      throw new Error(`The turn ${nameOf(call)} cannot end: it is ${call.status}`)
    }
    const activation = call.activation as Activation
    call.status = 'ended'
    call.parent = null
    activation.accepted -= 1
    activation.running -= 1
    activation.usedAt = this.now
    this.#mailboxes.end(activation, call)
    if (activation.state === 'draining') this.#lifecycle.noteRest(activation)
  }

  /**
   * Takes a call out of its mailbox and fails it: it certainly did not run. Says whether it was
   * waiting there.
   */
  failWaiting(call: Call, error: unknown): boolean {
    if (call.status !== 'waiting') return false
    const activation = call.activation as Activation
    activation.accepted -= 1
    if (call.operation.coalesce) forgetLatest(activation, call)
    this.#mailboxes.remove(activation, call)
    call.endUnrun(error)
    return true
  }

  #admit(type: EntityType, id: string, call: Call): Activation | null {
    const { name } = type.plan
    if (this.#stopping) {
      call.endUnrun(refusals.nodeStopping(`${name}/${id}`))
      return null
    }
    if (this.#table.isFull) {
      const { activationBytesMax } = this.limits
      call.endUnrun(refusals.memoryFull(`${name}/${id}`, this.#table.bytes, activationBytesMax))
      return null
    }
    try {
      return this.activate(type, id, this.#grantEpoch(name, id))
    } catch (error) {
      call.endUnrun(error)
      return null
    }
  }

  #place(activation: Activation, call: Call): void {
    const { coalesce } = call.operation
    if (coalesce && takeOver(activation, call)) return
    if (!this.#hasRoom(activation, call)) {
      call.endUnrun(this.#refusal(activation, call))
      return
    }
    activation.accepted += 1
    call.activation = activation
    if (coalesce) noteLatest(activation, call)
    this.#mailboxes.add(activation, call, this.now)
    if (call.status === 'waiting') this.#failIfStuck(call)
  }

  /** Fails a waiting call whose turn can never come. */
  #failIfStuck(call: Call): void {
    const cycle = this.#mailboxes.cycleThrough(call)
    if (cycle === undefined) return
    const names = cycle.map((each) => nameOf(each))
    this.failWaiting(call, refusals.deadlocked(call, names))
  }

  /** Somebody began to wait for a call that nobody had awaited. */
  handleAwaited(call: Call): void {
    if (call.isAwaited) return
    call.isAwaited = true
    for (const waiting of this.#mailboxes.waitingBelow(call)) this.#failIfStuck(waiting)
  }

  /**
   * The code of an entity that wakes or leaves begins, as a turn of its own. What it calls of its
   * entity and awaits fails at once: it would have to wait for that code.
   */
  startHook(activation: Activation, hook: Call): void {
    this.#mailboxes.startHook(activation, hook)
  }

  handleHookEnded(activation: Activation, hook: Call): void {
    this.#mailboxes.endHook(activation, hook)
  }

  #hasRoom({ type, accepted }: Activation, { operation, depth }: Call): boolean {
    const { unreliableShare, callDepthMax } = this.limits
    const share = operation.unreliable ? unreliableShare : 1
    return accepted < type.plan.mailboxMax * share && depth <= callDepthMax
  }

  #refusal(activation: Activation, call: Call): EpicError {
    return call.depth > this.limits.callDepthMax
      ? refusals.chainTooLong(activation, call)
      : refusals.mailboxFull(activation)
  }

  /**
   * What other nodes must know of the calls that have waited here for a lock for longer than this,
   * oldest first, to find deadlocks that lead over several nodes (see `WaitExchange`).
   */
  waitEdges(olderThanMs: number): WaitEdge[] {
    const { waits } = this.#mailboxes
    return waits.edges({ now: this.now, olderThanMs, limit: this.limits.waitEdgesMax })
  }

  /** Fails a call of this node that was found in a cycle; says whether it was still waiting. */
  failDeadlocked({ wait, cycle }: Deadlocked): boolean {
    const call = this.#mailboxes.waits.find(wait)
    return call !== undefined && this.failWaiting(call, refusals.deadlocked(call, cycle))
  }

  /** Begins an activation; its calls wait until it is claimed and awake. */
  activate(type: EntityType, id: string, epoch: bigint): Activation {
    const { activationBytesGuess } = this.limits
    const activation = new Activation(type, id, epoch, this.now, activationBytesGuess)
    this.#lifecycle.begin(activation)
    return activation
  }

  /**
   * Begins an activation that comes from another node: its calls wait until the driver, which has
   * rebuilt it, says `handleClaimed`, since it was claimed where it comes from; or it is dropped.
   */
  adopt(type: EntityType, id: string, epoch: bigint): Activation {
    const { activationBytesGuess } = this.limits
    const activation = new Activation(type, id, epoch, this.now, activationBytesGuess)
    this.#lifecycle.arrive(activation)
    return activation
  }

  /** The store granted the claim; the driver has put the instance in place. */
  handleClaimed(activation: Activation): void {
    this.#lifecycle.claimed(activation)
  }

  handleClaimFailed(activation: Activation, error: unknown): void {
    this.#lifecycle.fail(activation, 'claimFailed', error)
  }

  handleAwake(activation: Activation): void {
    this.#lifecycle.awake(activation, this.now)
  }

  handleWakeFailed(activation: Activation, error: unknown): void {
    this.#lifecycle.fail(activation, 'wakeFailed', error)
  }

  /** Puts an activation away once nothing of it runs; says whether that began. */
  deactivate(activation: Activation, reason: DeactivationReason): boolean {
    return this.#lifecycle.sleep(activation, reason, this.now)
  }

  /** Like `deactivate`; an entity that is busy takes nothing new, so that it can be put away soon. */
  retire(activation: Activation, reason: DeactivationReason): boolean {
    if (this.deactivate(activation, reason)) return true
    this.#lifecycle.drain(activation, this.now)
    return false
  }

  /** Whether nothing of an activation runs, or is held back. */
  isAtRest(activation: Activation): boolean {
    return isAtRest(activation)
  }

  /** Lets nothing new of an entity start; `rested` follows when it has come to rest. */
  drain(activation: Activation): void {
    this.#lifecycle.drain(activation, this.now)
    this.#lifecycle.noteRest(activation)
  }

  /** What an entity that drains held back has left: says `rested` if that was all. */
  noteRest(activation: Activation): void {
    this.#lifecycle.noteRest(activation)
  }

  /** Seals an entity at rest, so that it can be moved as it is; says whether it was at rest. */
  seal(activation: Activation): boolean {
    return this.#lifecycle.seal(activation, this.now)
  }

  /** An entity that drained, or was sealed, does not move after all: it goes on. */
  handleStayed(activation: Activation): void {
    this.#lifecycle.stay(activation, this.now)
  }

  /** A sealed entity lives elsewhere from now on: its calls go back to the driver. */
  handleMoved(activation: Activation): void {
    this.#lifecycle.moved(activation)
  }

  /** `onDeactivate` is over and the state that it left is durable: what it sent may leave. */
  handleAsleep(activation: Activation): void {
    this.#lifecycle.asleep(activation)
  }

  /**
   * Ends an activation at once: its state may no longer be trusted or is no longer ours. What it
   * held back is returned, to be dropped with the same error. Calls that have not started go to the
   * next activation, or fail when `waitingError` is given.
   */
  drop(activation: Activation, waitingError?: unknown): Held[] {
    return this.#lifecycle.drop(activation, waitingError, this.now)
  }

  /** The driver has measured what the activation costs. */
  measure(activation: Activation, bytes: number): void {
    this.#table.measure(activation, bytes)
  }

  /**
   * Holds something back until the state that it reveals is durable. What an activation that has
   * ended still emits is dropped.
   */
  hold(activation: Activation, held: Held): void {
    if (activation.state === 'gone') held.drop(refusals.activationEnded(activation))
    else if ((activation.gate as Gate).hold(held)) this.#unsettled.push(activation)
  }

  /** The next entity to be compared with what is saved, now that the node rests for a moment. */
  pollUnsettled(): Activation | undefined {
    let activation = this.#unsettled.take()
    while (activation !== undefined && !isUnsettled(activation)) activation = this.#unsettled.take()
    return activation
  }

  /** A write of the entity is durable: returns what may leave. */
  handleWritten(activation: Activation): readonly Held[] {
    const { gate } = activation
    if (gate === null || activation.state === 'gone') return []
    const released = gate.takeWritten()
    if (gate.state === 'unsettled') this.#unsettled.push(activation)
    return released
  }

  /**
   * Time has passed: puts idle entities away, fires timers, and returns the calls whose deadline is
   * over, for the driver to settle (those that wait, with `failWaiting`). Entities go first: one
   * whose last timer fires now is not idle.
   */
  handleTick(now: number): Call[] {
    this.now = Math.max(this.now, now)
    for (const activation of this.#table.chooseIdle(this.now)) {
      this.deactivate(activation, isExpired(activation, this.now) ? 'idle' : 'memory')
    }
    for (const timer of this.#timers.advance(this.now)) {
      timer.activation.usedAt = this.now
      this.#effects.push({ kind: 'fire', timer })
    }
    return this.#deadlines.takeExpired(this.now)
  }

  /**
   * A time before which no timer fires; deadlines and idleness need no more than a coarse tick.
   */
  get nextTimerAt(): number {
    return this.#timers.nextAt
  }

  /** @throws EpicError `Overloaded` when the entity has as many timers as it may. */
  setTimer(timer: Timer): void {
    this.#timers.set(timer)
  }

  /** Says whether there was such a timer. */
  cancelTimer(activation: Activation, key: string): boolean {
    return this.#timers.cancel(activation, key)
  }

  /** The next thing to do: first the calls that ended activations left behind. */
  pollEffect(): Effect | undefined {
    const call = this.#redirects.take()
    return call === undefined ? this.#effects.take() : { kind: 'redirect', call }
  }

  /** From now on nothing new is activated; `putAllAway` until `isEmpty`. */
  stop(): void {
    this.#stopping = true
  }

  /** Puts away what is idle now; when stopping, timers do not keep an entity any more. */
  putAllAway(reason: DeactivationReason): void {
    for (const type of this.#types.values()) {
      for (const activation of [...type.activations.values()]) {
        if (this.#stopping) this.#timers.cancelAll(activation)
        if (isIdle(activation)) this.deactivate(activation, reason)
      }
    }
  }

  /** Whether no entity is in memory and no call is left behind. */
  get isEmpty(): boolean {
    return this.#table.size === 0 && this.#redirects.size === 0
  }

  /**
   * Checks all that must hold between two events, and throws where something does not. Looks once
   * at every activation and at every call and timer that it holds, which takes some 0.05 ms for a
   * thousand idle entities: meant for tests and for simulations, after each event.
   */
  assertInvariants(): void {
    assertKernelInvariants({
      types: this.#types,
      mailboxes: this.#mailboxes,
      counts: this.counts,
      leavingBytes: this.#table.leavingBytes,
      redirects: this.#redirects.size,
      deadlines: this.#deadlines.size,
    })
  }
}

function isUnsettled(activation: Activation): boolean {
  return activation.state !== 'gone' && activation.gate?.state === 'unsettled'
}
