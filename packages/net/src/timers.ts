/**
 * Timers by key: setting a key again replaces what was set, so nobody keeps handles.
 */
import type { Clock, Timer } from './clock.ts'
import { systemClock } from './clock.ts'

/** When a timer of {@link KeyedTimers.set} fires. */
export interface TimerPlan {
  /** Before the first time. When missing: the interval, or 0 without one. */
  readonly delayMs?: number
  /** Between the others. Without it the timer fires once. */
  readonly intervalMs?: number
  /** How often at most; for ever when missing. */
  readonly times?: number
}

interface Entry {
  readonly fn: () => void
  readonly plan: TimerPlan
  left: number
  timer: Timer
}

/**
 * Timers by key.
 * @example
 * const timers = new KeyedTimers()
 * timers.set('beat', () => channel.send({ type: 'beat' }), { intervalMs: 1_000 })
 * timers.cancel('beat')
 */
export class KeyedTimers {
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  /** Sets the timer of this key, in place of the one it has. */
  set(key: string, fn: () => void, plan: TimerPlan): void {
    this.cancel(key)
    const left = plan.intervalMs === undefined ? 1 : (plan.times ?? Infinity)
    if (left <= 0) return
    const entry: Entry = { fn, plan, left, timer: { cancel: () => {} } }
    this.#entries.set(key, entry)
    this.#arm(key, entry, plan.delayMs ?? plan.intervalMs ?? 0)
  }

  /** Sets a timer that fires once, after `ms`. */
  once(key: string, fn: () => void, ms: number): void {
    this.set(key, fn, { delayMs: ms })
  }

  /** Takes a timer back; says whether there was one. */
  cancel(key: string): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return false
    this.#entries.delete(key)
    entry.timer.cancel()
    return true
  }

  /** Takes all timers back. */
  cancelAll(): void {
    for (const key of [...this.#entries.keys()]) this.cancel(key)
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  get size(): number {
    return this.#entries.size
  }

  describe(): string {
    return `timers ${[...this.#entries.keys()].join(', ') || 'none'}`
  }

  #arm(key: string, entry: Entry, ms: number): void {
    entry.timer = this.#clock.setTimer(() => this.#fire(key, entry), ms)
  }

  /** Arms the next time before it calls, so that a function which throws is still called again. */
  #fire(key: string, entry: Entry): void {
    entry.left -= 1
    if (entry.left > 0) this.#arm(key, entry, entry.plan.intervalMs ?? 0)
    else this.#entries.delete(key)
    entry.fn()
  }
}
