/**
 * The timers of all entities of a node, by entity and key.
 *
 * A timer ends with its activation. One that repeats keeps its rhythm: what was missed in a pause
 * is left out, not made up for.
 */
import { EpicError } from '@epicserver/contracts'
import { nameOfEntity, type Activation } from './activation.ts'
import { TimerWheel, type Timer } from './timers.ts'

export class EntityTimers {
  readonly #wheel: TimerWheel
  readonly #perEntityMax: number

  constructor(now: number, perEntityMax: number) {
    this.#wheel = new TimerWheel(now)
    this.#perEntityMax = perEntityMax
  }

  get size(): number {
    return this.#wheel.size
  }

  get nextAt(): number {
    return this.#wheel.nextAt
  }

  /**
   * Sets a timer; one of the same key is replaced. A turn that outlives its activation sets
   * nothing; what is set while its entity is sealed stands still like the others.
   * @throws EpicError `Overloaded` when the entity has as many as it may.
   */
  set(timer: Timer): void {
    const { activation, key } = timer
    if (Number.isNaN(timer.dueAt))
      throw new Error(`The timer "${key}" of ${nameOfEntity(activation)} is due at no time`)
    if (activation.state === 'gone') return
    this.cancel(activation, key)
    const { timers } = activation
    if (timers !== null && timers.size >= this.#perEntityMax) {
      const has = `it has ${timers.size} of ${this.#perEntityMax} timers`
      const message = `Cannot set the timer "${key}" of ${nameOfEntity(activation)}: ${has}`
      throw new EpicError('Overloaded', message)
    }
    if (timers === null) activation.timers = new Map([[key, timer]])
    else timers.set(key, timer)
    if (activation.state !== 'moving') this.#wheel.set(timer)
  }

  /** Says whether there was such a timer. */
  cancel(activation: Activation, key: string): boolean {
    const timer = activation.timers?.get(key)
    if (timer === undefined) return false
    this.#wheel.cancel(timer)
    this.#forget(timer)
    return true
  }

  cancelAll(activation: Activation): void {
    for (const timer of activation.timers?.values() ?? []) this.#wheel.cancel(timer)
    activation.timers = null
  }

  /** Stops the timers of an entity that is on the move; they stay with it. */
  suspend(activation: Activation): void {
    for (const timer of activation.timers?.values() ?? []) this.#wheel.cancel(timer)
  }

  /** Lets them go on: what came due meanwhile fires now. */
  resume(activation: Activation): void {
    for (const timer of activation.timers?.values() ?? []) this.#wheel.set(timer)
  }

  /** Takes the timers that fire now, in order, and sets those again that repeat. */
  advance(now: number): Timer[] {
    const due = this.#wheel.advance(now)
    for (const timer of due) this.#setAgain(timer, now)
    return due
  }

  #setAgain(timer: Timer, now: number): void {
    timer.timesLeft -= 1
    if (timer.timesLeft > 0 && timer.intervalMs > 0) {
      const missed = Math.floor((now - timer.dueAt) / timer.intervalMs)
      timer.dueAt += (missed + 1) * timer.intervalMs
      this.#wheel.set(timer)
    } else {
      this.#forget(timer)
    }
  }

  #forget({ activation, key }: Timer): void {
    activation.timers?.delete(key)
    if (activation.timers?.size === 0) activation.timers = null
  }
}
