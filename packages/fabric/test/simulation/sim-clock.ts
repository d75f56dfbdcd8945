/** The clocks of one simulated machine: a rate of their own, and what happens to them when the machine is suspended. */
export class SimClock {
  readonly #rate: number
  readonly #trueNow: () => number
  #missedMs = 0
  #suspendedAt: number | undefined
  #wallOffsetMs = 0

  constructor(rate: number, trueNow: () => number) {
    this.#rate = rate
    this.#trueNow = trueNow
  }

  /** The monotonic clock: it stands still while the machine is suspended. */
  get now(): number {
    return ((this.#suspendedAt ?? this.#trueNow()) - this.#missedMs) * this.#rate
  }

  get wallMs(): number {
    return this.#trueNow() * this.#rate + this.#wallOffsetMs
  }

  /** What counts suspended time too and cannot be set. */
  get uptimeMs(): number {
    return this.#trueNow() * this.#rate
  }

  suspend(): void {
    this.#suspendedAt ??= this.#trueNow()
  }

  resume(): void {
    if (this.#suspendedAt !== undefined) this.#missedMs += this.#trueNow() - this.#suspendedAt
    this.#suspendedAt = undefined
  }

  /** Someone sets the wall clock. */
  stepWall(byMs: number): void {
    this.#wallOffsetMs += byMs
  }

  /** True time until the monotonic clock shows `at`, if nothing happens to it. */
  trueDelayUntil(at: number): number {
    return (at - this.now) / this.#rate
  }
}
