/** A clock that a test moves; timers run when their time is reached, in order. */
import type { Clock } from '@epicserver/cluster-lmdb'

interface ManualTimer {
  readonly at: number
  readonly run: () => void
}

export class ManualClock implements Clock {
  #now = 1_000
  readonly #timers = new Set<ManualTimer>()

  now(): number {
    return this.#now
  }

  setTimer(run: () => void, ms: number): { cancel(): void } {
    const timer = { at: this.#now + ms, run }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  advance(ms: number): void {
    const end = this.#now + ms
    for (let timer = this.#nextUpTo(end); timer !== undefined; timer = this.#nextUpTo(end)) {
      this.#timers.delete(timer)
      this.#now = timer.at
      timer.run()
    }
    this.#now = end
  }

  #nextUpTo(end: number): ManualTimer | undefined {
    let next: ManualTimer | undefined
    for (const timer of this.#timers) {
      if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer
    }
    return next
  }
}
