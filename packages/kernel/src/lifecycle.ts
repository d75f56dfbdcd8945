/**
 * The life of activations: how each begins, becomes active, sleeps and ends, and what the driver
 * must do for that.
 *
 * `ACTIVATION_STEPS` says which step is allowed when; here is what each step brings along. The
 * driver's answers may be late: one that comes for an activation that has gone on or ended
 * meanwhile is left out. However an activation ends, nothing stays behind in any table, and each of
 * its calls that had not started fails or goes back to the driver.
 */
import type { ActivationTable } from './activation-table.ts'
import type { Activation, ActivationEvent } from './activation.ts'
import type { EffectQueue } from './effect-queue.ts'
import type { DeactivationReason } from './effects.ts'
import type { EntityTimers } from './entity-timers.ts'
import { Gate, type Held } from './gate.ts'
import type { Mailboxes } from './mailboxes.ts'
import type { Redirects } from './redirects.ts'

/** The parts of a kernel that a step may concern. */
export interface LifecycleParts {
  readonly table: ActivationTable
  readonly mailboxes: Mailboxes
  readonly redirects: Redirects
  readonly timers: EntityTimers
  readonly effects: EffectQueue
}

export class Lifecycle {
  readonly #table: ActivationTable
  readonly #mailboxes: Mailboxes
  readonly #redirects: Redirects
  readonly #timers: EntityTimers
  readonly #effects: EffectQueue

  constructor({ table, mailboxes, redirects, timers, effects }: LifecycleParts) {
    this.#table = table
    this.#mailboxes = mailboxes
    this.#redirects = redirects
    this.#timers = timers
    this.#effects = effects
  }

  begin(activation: Activation): void {
    this.arrive(activation)
    if (activation.type.plan.durability === 'none') this.claimed(activation)
    else this.#effects.push({ kind: 'claim', activation })
  }

  /** Begins an activation that its driver claims by itself, as one that comes from another node. */
  arrive(activation: Activation): void {
    this.#table.add(activation)
    if (activation.type.plan.durability === 'acknowledged') activation.gate = new Gate()
  }

  claimed(activation: Activation): void {
    if (activation.state !== 'claiming') return
    activation.step('claimed')
    this.#effects.push({ kind: 'wake', activation })
  }

  awake(activation: Activation, now: number): void {
    if (activation.state !== 'waking') return
    activation.step('awake')
    activation.usedAt = now
    this.#mailboxes.startWaiting(activation)
  }

  /** The entity could not be claimed or woken: all that waited for it fails. */
  fail(activation: Activation, event: 'claimFailed' | 'wakeFailed', error: unknown): void {
    if (activation.state !== (event === 'claimFailed' ? 'claiming' : 'waking')) return
    for (const held of this.#end(activation, event)) held.drop(error)
    this.#failWaiting(activation, error)
  }

  sleep(activation: Activation, reason: DeactivationReason, now: number): boolean {
    if (!isInUse(activation) || !isAtRest(activation)) return false
    this.#mailboxes.withdraw(activation, now)
    this.#timers.cancelAll(activation)
    this.#table.putToSleep(activation)
    this.#effects.push({ kind: 'sleep', activation, reason })
    return true
  }

  /** Lets nothing new start, so that the entity comes to rest. */
  drain(activation: Activation, now: number): void {
    if (activation.state !== 'active') return
    this.#mailboxes.withdraw(activation, now)
    activation.step('drain')
  }

  /** Says so to the driver when an entity that drains has come to rest. */
  noteRest(activation: Activation): void {
    if (activation.state === 'draining' && isAtRest(activation))
      this.#effects.push({ kind: 'rested', activation })
  }

  /** Seals an entity at rest for its move: nothing of it runs, and its timers stand still. */
  seal(activation: Activation, now: number): boolean {
    if (!isInUse(activation) || !isAtRest(activation)) return false
    this.#mailboxes.withdraw(activation, now)
    this.#timers.suspend(activation)
    activation.step('move')
    return true
  }

  /** An entity that drained or was sealed goes on here, with what waited. */
  stay(activation: Activation, now: number): void {
    if (activation.state !== 'draining' && activation.state !== 'moving') return
    if (activation.state === 'moving') this.#timers.resume(activation)
    activation.step('stay')
    activation.usedAt = now
    this.#mailboxes.startWaiting(activation)
  }

  /** A sealed entity lives elsewhere now. */
  moved(activation: Activation): void {
    if (activation.state !== 'moving') return
    this.#end(activation, 'moved')
    this.#leaveBehind(activation)
  }

  asleep(activation: Activation): void {
    if (activation.state !== 'sleeping') return
    const held = this.#end(activation, 'asleep')
    this.#leaveBehind(activation)
    for (const each of held) each.release()
  }

  drop(activation: Activation, waitingError: unknown, now: number): Held[] {
    if (activation.state === 'gone') return []
    this.#mailboxes.withdraw(activation, now)
    const held = this.#end(activation, 'drop')
    if (waitingError === undefined) this.#leaveBehind(activation)
    else this.#failWaiting(activation, waitingError)
    return held
  }

  /** Takes an activation out of all tables but its mailbox, and returns what it held back. */
  #end(activation: Activation, event: ActivationEvent): Held[] {
    this.#timers.cancelAll(activation)
    this.#table.remove(activation)
    activation.step(event)
    this.#effects.push({ kind: 'gone', activation })
    return activation.gate?.takeAll() ?? []
  }

  #failWaiting(activation: Activation, error: unknown): void {
    for (const call of this.#mailboxes.takeWaiting(activation)) call.endUnrun(error)
  }

  /** Calls that still wait go back to the driver. */
  #leaveBehind(activation: Activation): void {
    const { type, id } = activation
    this.#redirects.leaveBehind(type, id, this.#mailboxes.takeWaiting(activation))
  }
}

/** Whether nothing of an activation runs, and nothing waits at its gate. */
export function isAtRest({ running, gate }: Activation): boolean {
  return running === 0 && (gate === null || gate.state === 'resting')
}

function isInUse({ state }: Activation): boolean {
  return state === 'active' || state === 'draining'
}
