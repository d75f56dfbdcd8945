/**
 * So many a second and no more, spread evenly: what was not used in a while is not saved up, or it would all be used at once.
 *
 * The rate may change at any time; it holds from the next question on.
 */

export interface AllowanceOptions {
  readonly perSecond: () => number
  /** For how long what is not used may be used later: at least as long as between two questions. */
  readonly keptMs: number
}

export class Allowance {
  readonly #options: AllowanceOptions
  #left = 1
  #lookedAt: number | undefined

  constructor(options: AllowanceOptions) {
    this.#options = options
  }

  /** Takes one, if there is one to take. */
  take(now: number): boolean {
    const { perSecond, keptMs } = this.#options
    const aMs = perSecond() / 1_000
    const passedMs = now - (this.#lookedAt ?? now)
    this.#lookedAt = now
    this.#left = Math.min(Math.max(1, aMs * keptMs), this.#left + aMs * passedMs)
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }
}
