/**
 * The caller's half of doing an idempotent call once: numbers for the calls of one caller to one
 * entity, and which of them are settled. `dedup.ts` has the entity's half.
 *
 * A repeated call goes out under the number of the first try. At most 64 numbers are between the
 * lowest call that is not settled and the next one, so that the entity needs to remember no more
 * than 64 results a caller; beyond that calls wait here. Each call carries `settledBelow` along,
 * which tells the entity what it may forget.
 *
 * A caller that has settled everything may forget its window. The next one begins with a number that
 * was never used (`nextSeq`), not under a new name: the entity would keep each name's last result,
 * and soon those of callers that still need theirs would have to go.
 */
import { DEDUP_WINDOW } from './limits.ts'

export class CallerWindow {
  #next: number
  #settledBelow: number
  /** Settled ones above one that is not. */
  readonly #settled = new Set<number>()

  /** A window that begins with this number; all below count as settled. */
  constructor(first = 1) {
    this.#next = first
    this.#settledBelow = first
  }

  /** The number of the next call. */
  get nextSeq(): number {
    return this.#next
  }

  /** All calls with a lower number are settled. */
  get settledBelow(): number {
    return this.#settledBelow
  }

  /** How many numbers were given out and are not settled. */
  get size(): number {
    return this.#next - this.#settledBelow - this.#settled.size
  }

  /** Whether another call may start now. */
  get hasRoom(): boolean {
    return this.#next < this.#settledBelow + DEDUP_WINDOW
  }

  /** The number of a new call. Numbers are given in order, without gaps; ask `hasRoom` first. */
  next(): number {
    if (!this.hasRoom)
      throw new Error(`Call ${this.#next} cannot start: ${this.#settledBelow} is not settled`)
    this.#next += 1
    return this.#next - 1
  }

  /**
   * The outcome of a call is known here, or given up: it will never be repeated. Settling twice is
   * no error.
   */
  settle(seq: number): void {
    if (!Number.isInteger(seq) || seq < 1 || seq >= this.#next)
      throw new Error(`Call ${seq} was never made`)
    if (seq < this.#settledBelow) return
    this.#settled.add(seq)
    while (this.#settled.delete(this.#settledBelow)) this.#settledBelow += 1
  }
}
