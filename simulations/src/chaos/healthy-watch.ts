/**
 * What the entities of healthy nodes notice while others are harmed: nothing, if all is well.
 *
 * When a harm begins, the counters that live on other nodes are noted, by their last answers; until it has been recovered from, every
 * call to them counts. Where one supervisor spreads the calls over its nodes, some come in through the node that is harmed: they fail
 * with it (`NodeLost`) or wait for it, although nothing is wrong where they were to go.
 */
import type { CounterPage } from './ledger.ts'
import type { IncrementOutcome } from './load.ts'

/** Slower than any work of theirs, faster than any lease. */
const SLOW_MS = 1000

/** Summed up over all harms. */
export interface HealthyReport {
  /** Counters that lived on nodes that nothing was done to. */
  readonly entities: number
  /** Of those, how many were called meanwhile. */
  readonly called: number
  readonly calls: number
  /** Calls that failed at least once, by the first code. */
  readonly failed: Readonly<Record<string, number>>
  /** Calls that took longer than `slowMs`. */
  readonly slow: number
  readonly slowMs: number
}

export class HealthyWatch {
  readonly #failed = new Map<string, number>()
  #pages: ReadonlySet<CounterPage> = new Set()
  #called = new Set<CounterPage>()
  #since = Infinity
  #until = Infinity
  #entities = 0
  #calledBefore = 0
  #calls = 0
  #slow = 0

  get report(): HealthyReport {
    return {
      entities: this.#entities,
      called: this.#calledBefore + this.#called.size,
      calls: this.#calls,
      failed: Object.fromEntries(this.#failed),
      slow: this.#slow,
      slowMs: SLOW_MS,
    }
  }

  /** From now on something is harmed; these processes are not. */
  begin(pages: readonly CounterPage[], healthy: ReadonlySet<number>): void {
    this.#pages = new Set(pages.filter(({ pid }) => pid !== undefined && healthy.has(pid)))
    this.#entities += this.#pages.size
    this.#calledBefore += this.#called.size
    this.#called = new Set()
    this.#since = performance.now()
    this.#until = Infinity
  }

  /** What is called from here on is not counted; what is under way is. */
  end(): void {
    this.#until = performance.now()
  }

  handleOutcome({ page, startedAt, tookMs, failures: [failure] }: IncrementOutcome): void {
    const isMeanwhile = startedAt >= this.#since && startedAt < this.#until
    if (!isMeanwhile || !this.#pages.has(page)) return
    this.#called.add(page)
    this.#calls += 1
    if (failure !== undefined) this.#failed.set(failure, (this.#failed.get(failure) ?? 0) + 1)
    if (tookMs > SLOW_MS) this.#slow += 1
  }
}
