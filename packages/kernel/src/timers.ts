/**
 * Timers of entities: a hashed hierarchical wheel.
 *
 * Four levels of 256 slots, the first of 8 ms, so that setting, cancelling and firing cost the same for one timer as for a
 * million, and the longest delay is a year. A timer fires at the first advance that is not before its due time, never early.
 * Timers of one instant fire in the order in which they were set. The wheel knows no clock; it is told the time.
 */
import type { Activation } from './activation.ts'

const SLOT_MS = 8
const SLOTS = 256
const LEVELS = 4

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
  slot: Set<Timer> | null
}

export class TimerWheel {
  readonly #levels: Set<Timer>[][] = Array.from({ length: LEVELS }, () =>
    Array.from({ length: SLOTS }, () => new Set<Timer>()),
  )
  #slotNow: number
  #order = 0
  #size = 0

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
    this.#place(timer)
  }

  cancel(timer: Timer): void {
    if (timer.slot === null) return
    timer.slot.delete(timer)
    timer.slot = null
    this.#size -= 1
  }

  /** Takes out all timers that are due, in order. */
  advance(now: number): Timer[] {
    const due: Timer[] = []
    const target = Math.floor(now / SLOT_MS)
    if (this.#size === 0) {
      this.#slotNow = Math.max(this.#slotNow, target)
      return due
    }
    this.#takeDue(now, due)
    while (this.#slotNow < target && this.#size > due.length) {
      this.#slotNow += 1
      this.#cascade()
      this.#takeDue(now, due)
    }
    this.#slotNow = Math.max(this.#slotNow, target)
    this.#size -= due.length
    return due.sort((a, b) => a.dueAt - b.dueAt || a.order - b.order)
  }

  /** A time before which nothing is due; `Infinity` when there are no timers. */
  get nextAt(): number {
    if (this.#size === 0) return Infinity
    let next = Infinity
    for (const timer of this.#slotAt(0, this.#slotNow)) next = Math.min(next, timer.dueAt)
    if (next < Infinity) return next
    for (let level = 0; level < LEVELS; level += 1) {
      const span = SLOTS ** level
      const base = Math.floor(this.#slotNow / span)
      for (let step = level === 0 ? 0 : 1; step < SLOTS; step += 1) {
        if (this.#slotAt(level, base + step).size > 0) {
          const at = (base + step) * span * SLOT_MS
          next = Math.min(next, Math.max(at, this.#slotNow * SLOT_MS))
          break
        }
      }
    }
    return next
  }

  #slotAt(level: number, index: number): Set<Timer> {
    return (this.#levels[level] as Set<Timer>[])[index & (SLOTS - 1)] as Set<Timer>
  }

  #place(timer: Timer): void {
    const slot = Math.max(Math.floor(timer.dueAt / SLOT_MS), this.#slotNow)
    const distance = slot - this.#slotNow
    let level = 0
    while (level < LEVELS - 1 && distance >= SLOTS ** (level + 1)) level += 1
    const index = Math.min(Math.floor(slot / SLOTS ** level), Math.floor(this.#slotNow / SLOTS ** level) + SLOTS - 1)
    timer.slot = this.#slotAt(level, index)
    timer.slot.add(timer)
  }

  #takeDue(now: number, due: Timer[]): void {
    for (const timer of this.#slotAt(0, this.#slotNow)) {
      if (timer.dueAt > now) continue
      timer.slot?.delete(timer)
      timer.slot = null
      due.push(timer)
    }
  }

  /** Entering a slot that begins a span of a higher level: its timers move down. */
  #cascade(): void {
    for (let level = 1; level < LEVELS; level += 1) {
      const span = SLOTS ** level
      if (this.#slotNow % span !== 0) return
      const slot = this.#slotAt(level, this.#slotNow / span)
      const timers = [...slot]
      slot.clear()
      for (const timer of timers) this.#place(timer)
    }
  }
}
