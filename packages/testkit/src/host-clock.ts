/**
 * The clocks of one simulated host: monotonic time at a rate of its own, wall time that can be stepped, and timers that stand still
 * while the host is paused and never fire once its process is dead.
 */
import type { NodeClock, Pending } from '@epicserver/runtime'
import type { VirtualTime } from './virtual-time.ts'

/** 2026-01-01, so that dates in traces look like dates. */
const WALL_ORIGIN_MS = 1_767_225_600_000

export class HostClock {
  readonly #time: VirtualTime
  /** Local milliseconds for each true one. */
  readonly rate: number
  readonly #offsetMs: number
  /** How far the wall clock was stepped. */
  wallOffsetMs = 0
  #paused: (() => void)[] | null = null

  constructor(time: VirtualTime, rate: number, offsetMs: number) {
    this.#time = time
    this.rate = rate
    this.#offsetMs = offsetMs
  }

  get monotonicMs(): number {
    return this.#offsetMs + this.#time.now * this.rate
  }

  get wallMs(): number {
    return WALL_ORIGIN_MS + this.#time.now + this.wallOffsetMs
  }

  get isPaused(): boolean {
    return this.#paused !== null
  }

  pause(): void {
    this.#paused ??= []
  }

  resume(): void {
    const backlog = this.#paused ?? []
    this.#paused = null
    for (const run of backlog) this.#time.after(0, () => this.deliver(run))
  }

  /** Runs something on the host now, or when it is no longer paused. */
  deliver(run: () => void): void {
    if (this.#paused !== null) this.#paused.push(run)
    else run()
  }

  /** The clock of one process of the host; dead processes are not called. */
  forProcess(isAlive: () => boolean): NodeClock {
    const schedule = (run: () => void, delayMs: number): Pending =>
      this.#time.after(delayMs / this.rate, () =>
        this.deliver(() => {
          if (isAlive()) run()
        }),
      )
    return {
      monotonicMs: () => this.monotonicMs,
      wallMs: () => this.wallMs,
      setTimer: schedule,
      yield: (run) => void schedule(run, 0),
      afterTurns: (run) => process.nextTick(run),
    }
  }
}
