/**
 * Timers of entities: a hashed hierarchical wheel.
 *
 * Four levels of 256 slots, the first of 8 ms, so that setting, cancelling and firing cost the same
 * for one timer as for a million. A timer waits in the level whose slots are as wide as its delay
 * is long, and moves down a level whenever time enters its slot; one more than a year away waits in
 * the last slot and is placed again from there. A timer fires at the first advance that is not
 * before its due time, never early. Timers of one instant fire in the order in which they were set.
 *
 * Subtle: after a pause the wheel does not turn slot by slot through what is empty, or a month
 * would take seconds. While a level and those below it are empty, time moves by the slots of the
 * level above.
 *
 * The wheel knows no clock; it is told the time.
 */
import type { Activation } from './activation.ts'

const SLOT_MS = 8
const SLOTS = 256
const LEVELS = 4
const NO_TIMERS: ReadonlySet<Timer> = new Set()

/** A timer of one entity, under a key. What it starts is the driver's matter. */
export interface Timer {
  readonly activation: Activation
  readonly key: string
  readonly operation: string
  readonly args: readonly unknown[]
  /** A function instead of an operation; ends with the activation. */
  readonly closure: (() => unknown) | null
  readonly intervalMs: number
  /** How often it still fires; `Infinity` without an end. */
  timesLeft: number
  dueAt: number
  /** Grows with each setting, to keep the order of timers that are due together. */
  order: number
  /** Where it waits; `null` while it does not. */
  slot: TimerSlot | null
}

/** One slot of the wheel. */
export interface TimerSlot {
  readonly level: number
  readonly timers: Set<Timer>
}

export class TimerWheel {
  /** Slots are made when they are first used: most entities set no timer, and most nodes few. */
  readonly #levels: readonly (TimerSlot | undefined)[][] = Array.from({ length: LEVELS }, () => [])
  /** How many timers each level holds. */
  readonly #held: number[] = new Array<number>(LEVELS).fill(0)
  #slotNow: number
  #order = 0
  #size = 0
  /** Nothing is due before this; `undefined` when it must be looked for. */
  #nextAt: number | undefined = Infinity

  constructor(now: number) {
    this.#slotNow = Math.floor(now / SLOT_MS)
  }

  get size(): number {
    return this.#size
  }

  set(timer: Timer): void {
    timer.order = this.#order
    this.#order += 1
    this.#size += 1
    if (this.#nextAt !== undefined && timer.dueAt < this.#nextAt) this.#nextAt = timer.dueAt
    this.#place(timer)
  }

  cancel(timer: Timer): void {
    if (!this.#unplace(timer)) return
    this.#size -= 1
    if (this.#size === 0) this.#nextAt = Infinity
  }

  /** Takes out all timers that are due, in order. */
  advance(now: number): Timer[] {
    const due: Timer[] = []
    const target = Math.floor(now / SLOT_MS)
    if (this.#size > 0) this.#takeDue(now, due)
    while (this.#slotNow < target && this.#size > due.length) {
      this.#slotNow = Math.min(target, this.#nextStep())
      this.#cascade()
      this.#takeDue(now, due)
    }
    this.#slotNow = Math.max(this.#slotNow, target)
    this.#size -= due.length
    this.#nextAt = this.#size === 0 ? Infinity : undefined
    return due.sort((a, b) => a.dueAt - b.dueAt || a.order - b.order)
  }

  /** A time before which nothing is due; `Infinity` when there are no timers. */
  get nextAt(): number {
    if (this.#size === 0) return Infinity
    this.#nextAt ??= this.#findNext()
    return this.#nextAt
  }

  /**
   * Exact for what is due within two seconds; beyond, when the first slot that holds something
   * begins.
   */
  #findNext(): number {
    let next = Infinity
    for (let level = 0; level < LEVELS; level += 1) {
      if (this.#held[level] === 0) continue
      const span = SLOTS ** level
      const base = Math.floor(this.#slotNow / span)
      let step = 0
      while (step < SLOTS - 1 && this.#timersAt(level, base + step).size === 0) step += 1
      const timers = this.#timersAt(level, base + step)
      if (level > 0) next = Math.min(next, (base + step) * span * SLOT_MS)
      else for (const timer of timers) next = Math.min(next, timer.dueAt)
    }
    return next
  }

  #slotAt(level: number, index: number): TimerSlot {
    const slots = this.#levels[level] as (TimerSlot | undefined)[]
    return (slots[index & (SLOTS - 1)] ??= { level, timers: new Set() })
  }

  #timersAt(level: number, index: number): ReadonlySet<Timer> {
    return this.#levels[level]?.[index & (SLOTS - 1)]?.timers ?? NO_TIMERS
  }

  #place(timer: Timer): void {
    const slot = Math.max(Math.floor(timer.dueAt / SLOT_MS), this.#slotNow)
    const distance = slot - this.#slotNow
    let level = 0
    while (level < LEVELS - 1 && distance >= SLOTS ** (level + 1)) level += 1
    const span = SLOTS ** level
    const last = Math.floor(this.#slotNow / span) + SLOTS - 1
    timer.slot = this.#slotAt(level, Math.min(Math.floor(slot / span), last))
    timer.slot.timers.add(timer)
    this.#held[level] = (this.#held[level] as number) + 1
  }

  #unplace(timer: Timer): boolean {
    const { slot } = timer
    if (slot === null) return false
    slot.timers.delete(timer)
    timer.slot = null
    this.#held[slot.level] = (this.#held[slot.level] as number) - 1
    return true
  }

  #takeDue(now: number, due: Timer[]): void {
    for (const timer of this.#timersAt(0, this.#slotNow)) {
      if (timer.dueAt > now) continue
      this.#unplace(timer)
      due.push(timer)
    }
  }

  /** The next slot at which something may be due or move down. */
  #nextStep(): number {
    let level = 0
    while (level < LEVELS - 1 && this.#held[level] === 0) level += 1
    const span = SLOTS ** level
    return (Math.floor(this.#slotNow / span) + 1) * span
  }

  /** Entering a slot that begins a span of a higher level: its timers move down. */
  #cascade(): void {
    for (let level = 1; level < LEVELS; level += 1) {
      const span = SLOTS ** level
      if (this.#slotNow % span !== 0) return
      for (const timer of [...this.#timersAt(level, this.#slotNow / span)]) {
        this.#unplace(timer)
        this.#place(timer)
      }
    }
  }
}
