/**
 * One node's entities: which are in memory, what runs next, and what may leave.
 *
 * The idea: every decision is here and nothing else is. The driver tells what happened (`handleX`), asks what to do (`pollX`),
 * and does it. No clock is read, no promise held, no I/O done, so the same kernel runs a server and a simulation.
 *
 * A call's way: `accept` finds or makes the activation and lets the call wait or queues it; `pollTurn` hands it to the driver,
 * which runs the method; `handleTurnEnded` frees its locks and place. An outcome leaves at once, or through the gate of an
 * entity with acknowledged durability: `hold`, then `pollUnsettled` when the node rests, then a comparison and perhaps a write.
 *
 * Deliberately not here: which node an entity lives on (the fabric's matter), how state is encoded and where it is stored.
 *
 * Subtle: a dropped activation (fenced, or its state lost) may have turns that still run. They are let run to their end, but
 * nothing that they emit leaves: `activation.state` is `gone`, which every emission checks.
 */
import { EpicError } from '@epicserver/contracts'
import { Activation } from './activation.ts'
import type { Call } from './call.ts'
import { Deadlines } from './deadlines.ts'
import { formatCycle, WaitGraph } from './deadlock.ts'
import type { DeactivationReason, Effect } from './effects.ts'
import { EntityType } from './entity-type.ts'
import { Gate, type Held } from './gate.ts'
import { IdleSweep, isIdle } from './idleness.ts'
import { KERNEL_LIMITS, type KernelLimits } from './limits.ts'
import { canStart, takeStartable } from './locks.ts'
import type { ClassPlan } from './plan.ts'
import { RunQueue } from './run-queue.ts'
import { TimerWheel, type Timer } from './timers.ts'

export interface KernelOptions {
  /** Names this node in turn keys; unique among nodes. */
  readonly nodeId: string
  readonly now: number
  /** Grants the epoch of a new activation. */
  readonly grantEpoch: (type: string, id: string) => bigint
  readonly limits?: Partial<KernelLimits>
}

/** What a node holds, for people and metrics. */
export interface KernelCounts {
  readonly activations: number
  readonly activationBytes: number
  readonly queued: number
  readonly pendingCalls: number
  readonly timers: number
  readonly waitingForLocks: number
}

export class Kernel {
  readonly types: ReadonlyMap<string, EntityType>
  readonly limits: KernelLimits
  readonly #types = new Map<string, EntityType>()
  readonly #nodeId: string
  readonly #grantEpoch: (type: string, id: string) => bigint
  readonly #runnable = new RunQueue()
  readonly #deadlines = new Deadlines()
  readonly #waits = new WaitGraph()
  readonly #timers: TimerWheel
  readonly #sweep: IdleSweep
  readonly #effects: Effect[] = []
  #unsettled: Activation[] = []
  #turns = 0
  #activations = 0
  #activationBytes = 0
  #pending = 0
  #stopping = false
  /** The node's coarse clock: the time of the last tick. */
  now: number

  constructor(options: KernelOptions) {
    this.types = this.#types
    this.#nodeId = options.nodeId
    this.#grantEpoch = options.grantEpoch
    this.limits = { ...KERNEL_LIMITS, ...options.limits }
    this.now = options.now
    this.#timers = new TimerWheel(options.now)
    this.#sweep = new IdleSweep(this.#types)
  }

  addType(plan: ClassPlan): EntityType {
    if (this.#types.has(plan.name)) throw new Error(`The type ${plan.name} is there already`)
    const type = new EntityType(plan)
    this.#types.set(plan.name, type)
    return type
  }

  get counts(): KernelCounts {
    return {
      activations: this.#activations,
      activationBytes: this.#activationBytes,
      queued: this.#runnable.size,
      pendingCalls: this.#pending,
      timers: this.#timers.size,
      waitingForLocks: this.#waits.size,
    }
  }

  // ── Calls ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Watches the deadline of a call that this node made, until `handleSettled`. */
  expect(call: Call): void {
    if (this.#pending >= this.limits.pendingCallsMax) {
      throw new EpicError('Overloaded', `Cannot call ${call.operation.name}: ${this.#pending} calls of this node wait already`)
    }
    this.#pending += 1
    this.#deadlines.add(call, this.now)
  }

  /** The outcome of an expected call is decided. */
  handleSettled(call: Call): void {
    this.#pending -= 1
    this.#deadlines.remove(call)
  }

  /** A call for an entity that lives on this node: it will run, or fail at once. */
  accept(type: EntityType, id: string, call: Call): void {
    const activation = type.activations.get(id) ?? this.#admit(type, id, call)
    if (activation === null) return
    this.acceptAt(activation, call)
  }

  /** The same for an activation that the caller holds already. */
  acceptAt(activation: Activation, call: Call): void {
    const { plan } = activation.type
    if (activation.accepted >= plan.mailboxMax) {
      call.status = 'ended'
      call.fail(overloaded(activation))
      return
    }
    if (call.depth > this.limits.callDepthMax) {
      call.status = 'ended'
      call.fail(new EpicError('CallTooDeep', `Cannot call ${call.operation.name} of ${nameOf(activation)}: the chain is ${call.depth} calls long`))
      return
    }
    activation.accepted += 1
    call.activation = activation
    if (activation.state !== 'active') this.#wait(activation, call)
    else if (!plan.hasLocks) this.#queue(call)
    else this.#acceptLocked(activation, call)
  }

  /** The next call to run. The driver calls its method at once. */
  pollTurn(): Call | undefined {
    for (let call = this.#runnable.take(); call !== undefined; call = this.#runnable.take()) {
      const activation = call.activation as Activation
      if (activation.state !== 'active') {
        this.#requeue(activation, call)
      } else if (call.deadlineAt > 0 && call.deadlineAt <= this.now) {
        this.#abandon(activation, call)
      } else {
        call.status = 'running'
        activation.running += 1
        return call
      }
    }
    return undefined
  }

  /** The method of a running call has settled. */
  handleTurnEnded(call: Call): void {
    const activation = call.activation as Activation
    call.status = 'ended'
    activation.accepted -= 1
    activation.running -= 1
    activation.usedAt = this.now
    if (call.turnKey !== null) this.#releaseLocks(activation, call)
  }

  #queue(call: Call): void {
    call.status = 'queued'
    this.#runnable.push(call)
  }

  #wait(activation: Activation, call: Call): void {
    call.status = 'waiting'
    if (activation.waiting === null) activation.waiting = [call]
    else activation.waiting.push(call)
  }

  #acceptLocked(activation: Activation, call: Call): void {
    if (canStart(activation, call)) {
      this.#takeLocks(activation, call)
      return
    }
    this.#wait(activation, call)
    this.#waits.add(call)
    const cycle = this.#waits.cycleThrough(call)
    if (cycle === undefined) return
    const printed = formatCycle(cycle)
    this.failWaiting(call, new EpicError('Deadlock', `Cannot call ${call.operation.name} of ${nameOf(activation)}: ${printed} wait for each other`, { details: { cycle: printed } }))
  }

  #takeLocks(activation: Activation, call: Call): void {
    call.turnKey = `${this.#nodeId}:${(this.#turns += 1)}`
    if (activation.turns === null) activation.turns = [call]
    else activation.turns.push(call)
    this.#queue(call)
  }

  #releaseLocks(activation: Activation, call: Call): void {
    const turns = activation.turns as Call[]
    turns.splice(turns.indexOf(call), 1)
    if (turns.length === 0) activation.turns = null
    if (activation.state === 'active') this.#startWaiting(activation)
  }

  /** Takes a call out of its mailbox and fails it; it certainly did not run. */
  failWaiting(call: Call, error: unknown): void {
    const activation = call.activation as Activation
    const { waiting } = activation
    if (call.status !== 'waiting' || waiting === null) return
    waiting.splice(waiting.indexOf(call), 1)
    if (waiting.length === 0) activation.waiting = null
    this.#waits.remove(call)
    call.status = 'ended'
    activation.accepted -= 1
    call.fail(error)
    if (activation.state === 'active' && activation.type.plan.hasLocks) this.#startWaiting(activation)
  }

  #startWaiting(activation: Activation): void {
    if (!activation.type.plan.hasLocks) {
      const waiting = activation.waiting ?? []
      activation.waiting = null
      for (const call of waiting) this.#queue(call)
      return
    }
    for (const call of takeStartable(activation)) {
      this.#waits.remove(call)
      this.#takeLocks(activation, call)
    }
  }

  /** A queued call whose entity was put away meanwhile waits for the next activation. */
  #requeue(activation: Activation, call: Call): void {
    if (call.turnKey !== null) this.#forgetTurn(activation, call)
    activation.accepted -= 1
    if (activation.state === 'gone') {
      this.#redirect(call)
      return
    }
    activation.accepted += 1
    this.#wait(activation, call)
  }

  /** A call that its activation left behind goes on to the next one, here or wherever the driver finds it. */
  #redirect(call: Call): void {
    call.status = 'made'
    call.activation = null
    this.#effects.push({ kind: 'redirect', call })
  }

  #forgetTurn(activation: Activation, call: Call): void {
    const turns = activation.turns ?? []
    const index = turns.indexOf(call)
    if (index >= 0) turns.splice(index, 1)
    call.turnKey = null
  }

  #abandon(activation: Activation, call: Call): void {
    activation.running += 1
    this.handleTurnEnded(call)
    call.fail(new EpicError('Timeout', `Cannot call ${call.operation.name} of ${nameOf(activation)}: its deadline passed before it could start`, { retry: 'safe' }))
  }

  // ── Activations ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #admit(type: EntityType, id: string, call: Call): Activation | null {
    if (this.#stopping) {
      call.status = 'ended'
      call.fail(new EpicError('NodeStopping', `Cannot activate "${type.plan.name}/${id}": the node is stopping`))
      return null
    }
    if (this.#activationBytes > this.limits.activationBytesMax * 1.25) {
      call.status = 'ended'
      call.fail(new EpicError('Overloaded', `Cannot activate "${type.plan.name}/${id}": entities take ${this.#activationBytes} of ${this.limits.activationBytesMax} bytes`))
      return null
    }
    return this.activate(type, id, this.#grantEpoch(type.plan.name, id))
  }

  /** Begins an activation; its calls wait until it is claimed and awake. */
  activate(type: EntityType, id: string, epoch: bigint): Activation {
    const activation = new Activation(type, id, epoch, this.now, this.limits.activationBytesGuess)
    type.activations.set(id, activation)
    this.#activations += 1
    this.#activationBytes += activation.bytes
    if (type.plan.durability === 'none') {
      activation.step('claimed')
      this.#effects.push({ kind: 'wake', activation })
    } else {
      if (type.plan.durability === 'acknowledged') activation.gate = new Gate()
      this.#effects.push({ kind: 'claim', activation })
    }
    return activation
  }

  /** The store granted the claim; the driver has put the instance in place. */
  handleClaimed(activation: Activation): void {
    if (activation.state !== 'claiming') return
    activation.step('claimed')
    this.#effects.push({ kind: 'wake', activation })
  }

  handleClaimFailed(activation: Activation, error: unknown): void {
    if (activation.state !== 'claiming') return
    activation.step('claimFailed')
    this.#bury(activation, error)
  }

  handleAwake(activation: Activation): void {
    if (activation.state !== 'waking') return
    activation.step('awake')
    this.#startWaiting(activation)
  }

  handleWakeFailed(activation: Activation, error: unknown): void {
    if (activation.state !== 'waking') return
    activation.step('wakeFailed')
    this.#bury(activation, error)
  }

  /** Puts an activation away once nothing of it runs; says whether that began. */
  deactivate(activation: Activation, reason: DeactivationReason): boolean {
    if (activation.state !== 'active' || activation.running > 0) return false
    if (activation.gate !== null && activation.gate.state !== 'resting') return false
    activation.step('sleep')
    this.#cancelTimers(activation)
    this.#effects.push({ kind: 'sleep', activation, reason })
    return true
  }

  handleAsleep(activation: Activation): void {
    if (activation.state !== 'sleeping') return
    activation.step('asleep')
    this.#bury(activation, undefined)
  }

  /**
   * Ends an activation at once: its state may no longer be trusted or is no longer ours. What it held back is returned, to be
   * dropped with the same error. Calls that wait go to the next activation, or fail when `waitingError` is given.
   */
  drop(activation: Activation, waitingError?: unknown): Held[] {
    if (activation.state === 'gone') return []
    activation.step('drop')
    this.#cancelTimers(activation)
    const held = activation.gate?.takeAll() ?? []
    this.#bury(activation, waitingError)
    return held
  }

  #bury(activation: Activation, waitingError: unknown): void {
    const { type, id } = activation
    if (type.activations.get(id) === activation) type.activations.delete(id)
    this.#activations -= 1
    this.#activationBytes -= activation.bytes
    this.#effects.push({ kind: 'gone', activation })
    const waiting = activation.waiting ?? []
    activation.waiting = null
    for (const call of waiting) {
      this.#waits.remove(call)
      activation.accepted -= 1
      if (waitingError === undefined) {
        this.#redirect(call)
      } else {
        call.status = 'ended'
        call.fail(waitingError)
      }
    }
  }

  /** The driver has measured what the activation costs. */
  measure(activation: Activation, bytes: number): void {
    if (activation.state === 'gone') return
    this.#activationBytes += bytes - activation.bytes
    activation.bytes = bytes
  }

  // ── Durability ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Holds something back until the state that it reveals is durable. */
  hold(activation: Activation, held: Held): void {
    const gate = activation.gate as Gate
    if (gate.hold(held)) this.#unsettled.push(activation)
  }

  /** The next entity whose state must be compared with what is saved, now that the node rests for a moment. */
  pollUnsettled(): Activation | undefined {
    for (let activation = this.#unsettled.pop(); activation !== undefined; activation = this.#unsettled.pop()) {
      if (activation.state !== 'gone' && activation.gate?.state === 'unsettled') return activation
    }
    return undefined
  }

  /** A write of the entity is durable: returns what may leave. */
  handleWritten(activation: Activation): Held[] {
    const { gate } = activation
    if (gate === null || activation.state === 'gone') return []
    const released = gate.takeWritten()
    if (gate.state === 'unsettled') this.#unsettled.push(activation)
    return released
  }

  // ── Time ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Time has passed: fires timers, puts idle entities away, and returns the calls whose deadline is over. */
  handleTick(now: number): Call[] {
    this.now = now
    for (const timer of this.#timers.advance(now)) this.#fire(timer, now)
    const excess = this.#activationBytes - this.limits.activationBytesMax
    for (const activation of this.#sweep.choose(this.limits.sweepSize, now, excess)) {
      this.deactivate(activation, excess > 0 ? 'memory' : 'idle')
    }
    return this.#deadlines.takeExpired(now)
  }

  /** The next instant at which a timer fires; deadlines and idleness need no more than a coarse tick. */
  get nextTimerAt(): number {
    return this.#timers.nextAt
  }

  setTimer(timer: Timer): void {
    const { activation, key } = timer
    this.cancelTimer(activation, key)
    activation.timers ??= new Map()
    if (activation.timers.size >= this.limits.timersPerEntityMax) {
      throw new EpicError('Overloaded', `Cannot set the timer "${key}" of ${nameOf(activation)}: it has ${activation.timers.size} of ${this.limits.timersPerEntityMax} timers`)
    }
    activation.timers.set(key, timer)
    this.#timers.set(timer)
  }

  /** Says whether there was such a timer. */
  cancelTimer(activation: Activation, key: string): boolean {
    const timer = activation.timers?.get(key)
    if (timer === undefined) return false
    this.#timers.cancel(timer)
    activation.timers?.delete(key)
    return true
  }

  #fire(timer: Timer, now: number): void {
    const { activation } = timer
    if (activation.state === 'gone') return
    timer.timesLeft -= 1
    if (timer.timesLeft > 0 && timer.intervalMs > 0) {
      const missed = Math.max(0, Math.floor((now - timer.dueAt) / timer.intervalMs))
      timer.dueAt += (missed + 1) * timer.intervalMs
      this.#timers.set(timer)
    } else {
      activation.timers?.delete(timer.key)
    }
    this.#effects.push({ kind: 'fire', timer })
  }

  #cancelTimers(activation: Activation): void {
    for (const timer of activation.timers?.values() ?? []) this.#timers.cancel(timer)
    activation.timers = null
  }

  // ── Effects and stopping ───────────────────────────────────────────────────────────────────────────────────────────────

  pollEffect(): Effect | undefined {
    return this.#effects.shift()
  }

  /** From now on nothing new is activated; `putAllAway` until `isEmpty`. */
  stop(): void {
    this.#stopping = true
  }

  /** Puts away what is idle now; timers do not keep an entity any more. */
  putAllAway(reason: DeactivationReason): void {
    for (const type of this.#types.values()) {
      for (const activation of [...type.activations.values()]) {
        if (this.#stopping) this.#cancelTimers(activation)
        if (isIdle(activation)) this.deactivate(activation, reason)
      }
    }
  }

  get isEmpty(): boolean {
    return this.#activations === 0
  }
}

function nameOf(activation: Activation): string {
  return `"${activation.type.plan.name}/${activation.id}"`
}

function overloaded(activation: Activation): EpicError {
  const { mailboxMax } = activation.type.plan
  return new EpicError('Overloaded', `Cannot call ${nameOf(activation)}: its mailbox holds ${activation.accepted} of ${mailboxMax} calls`)
}
