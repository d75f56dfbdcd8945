import type { Clock, Timer } from '#src/clock.ts'

interface Entry {
  readonly at: number
  readonly number: number
  readonly fn: () => void
}

/** Time that stands still until a test moves it. */
export class VirtualClock implements Clock {
  #now = 0
  #number = 0
  #entries: Entry[] = []

  now(): number {
    return this.#now
  }

  setTimer(fn: () => void, ms: number): Timer {
    const entry = { at: this.#now + ms, number: (this.#number += 1), fn }
    this.#entries.push(entry)
    return {
      cancel: () => {
        this.#entries = this.#entries.filter((other) => other !== entry)
      },
    }
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#entries.length
  }

  /** Moves time on, timer by timer; promises go on between them. */
  async run(ms: number): Promise<void> {
    const end = this.#now + ms
    await promisesGoOn()
    for (let next = this.#takeDue(end); next !== undefined; next = this.#takeDue(end)) {
      this.#now = Math.max(this.#now, next.at)
      next.fn()
      await promisesGoOn()
    }
    this.#now = end
  }

  /** Time passes and no timer fires: the process stood still. */
  standStill(ms: number): void {
    this.#now += ms
  }

  #takeDue(end: number): Entry | undefined {
    const [next] = this.#entries.toSorted((a, b) => a.at - b.at || a.number - b.number)
    if (next === undefined || next.at > end) return undefined
    this.#entries = this.#entries.filter((other) => other !== next)
    return next
  }
}

/** Resolves when no promise has anything left to do. */
export function promisesGoOn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
