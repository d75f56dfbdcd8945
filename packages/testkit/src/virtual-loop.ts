/**
 * The event loop of a simulation: one event of virtual time, then all promises that follow from it, then the next.
 *
 * User code is full of `await`, and only the engine can run what waits in its queue of microtasks. Each event is therefore a
 * callback of a real `setImmediate`: between two of them the engine runs all microtasks and ticks, however long their chains are.
 * One immediate an event costs a turn of the real event loop each (2.8 µs); scheduling 64 at once shares that turn (0.34 µs),
 * which is as fast as anything that is reliable (measured on Node 20: `queueMicrotask` with `nextTick` 0.57 µs and wrong for
 * chains that go through `nextTick` themselves, `MessageChannel` 2.0 µs).
 *
 * Somebody always waits for something: an instant, or a promise that events will settle. When nobody waits, time stands still; so
 * the code of a test runs between two events, never beside them.
 */
import type { VirtualTime } from './virtual-time.ts'

/** The real one, whatever the simulation puts in its place later. */
const realImmediate = setImmediate
const BATCH = 64

interface Wait {
  /** Time goes on until here, at the most. */
  readonly untilMs: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class VirtualLoop {
  readonly #time: VirtualTime
  readonly #beforeEvent: () => void
  readonly #waits = new Set<Wait>()
  #turnEnd: (() => void)[] = []
  #scheduled = 0
  #isEnded = false

  /** `beforeEvent` runs when all that followed from the event before is done. */
  constructor(time: VirtualTime, beforeEvent: () => void) {
    this.#time = time
    this.#beforeEvent = beforeEvent
  }

  /** Runs something when all that is ready now has run, and before anything else happens. */
  afterTurns(run: () => void): void {
    this.#turnEnd.push(run)
  }

  /** Lets time go on until an instant. */
  runUntil(instant: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#add({ untilMs: instant, resolve, reject })
    })
  }

  /** Lets time go on until a promise is settled. Rejects when nothing is left that could settle it. */
  async runUntilSettled<T>(promise: Promise<T>): Promise<T> {
    let wait: Wait | undefined
    const stuck = new Promise<never>((_resolve, reject) => {
      wait = { untilMs: Infinity, resolve: () => undefined, reject }
      this.#add(wait)
    })
    try {
      return await Promise.race([promise, stuck])
    } finally {
      this.#waits.delete(wait as Wait)
    }
  }

  /** Ends the loop: nothing runs any more, and who waits is told the error. */
  end(error: unknown): void {
    this.#isEnded = true
    for (const wait of this.#waits) wait.reject(error)
    this.#waits.clear()
  }

  #add(wait: Wait): void {
    if (this.#isEnded) {
      wait.reject(new Error('The simulation has ended'))
      return
    }
    this.#waits.add(wait)
    if (this.#scheduled === 0) this.#schedule()
  }

  #schedule(): void {
    this.#scheduled = BATCH
    for (let i = 0; i < BATCH; i += 1) realImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    this.#scheduled -= 1
    if (this.#isEnded) return
    if (this.#waits.size > 0) {
      try {
        this.#advance()
      } catch (error) {
        this.end(error)
      }
    }
    if (this.#scheduled === 0 && this.#waits.size > 0) this.#schedule()
  }

  #advance(): void {
    this.#beforeEvent()
    if (this.#turnEnd.length > 0) {
      const runs = this.#turnEnd
      this.#turnEnd = []
      for (const run of runs) run()
      return
    }
    const next = this.#nextWait()
    if (this.#time.step(next.untilMs)) return
    this.#waits.delete(next)
    if (next.untilMs === Infinity) {
      next.reject(new Error('Nothing will happen any more, and something is still waited for'))
    } else {
      this.#time.pass(next.untilMs)
      next.resolve()
    }
  }

  #nextWait(): Wait {
    let next: Wait | undefined
    for (const wait of this.#waits) {
      if (next === undefined || wait.untilMs < next.untilMs) next = wait
    }
    return next as Wait
  }
}
