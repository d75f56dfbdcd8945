/**
 * The clocks of one simulated host: monotonic time at a rate of its own, wall time that can be stepped, and events that wait while
 * the host is stopped.
 *
 * A stopped process (SIGSTOP) finds that time went on without it. In a suspended machine the monotonic clock stood still as well,
 * while the wall clock, and the time since boot, went on.
 *
 * Code takes time: each reading of the monotonic clock is a microsecond later than the one before. Without that, two entities that
 * call each other for ever would stop the world.
 */
import type { VirtualTime } from './virtual-time.ts'

/** 2026-01-01, so that dates in traces look like dates. */
export const WALL_ORIGIN_MS = 1_767_225_600_000
const READING_MS = 0.001

export class HostClock {
  readonly #time: VirtualTime
  /** Local milliseconds for each true one. */
  readonly rate: number
  readonly #offsetMs: number
  #wallOffsetMs = 0
  #backlog: (() => void)[] | null = null
  #suspendedAt: number | null = null
  #suspendedMs = 0
  #lastReading = 0

  constructor(time: VirtualTime, rate: number, offsetMs: number) {
    this.#time = time
    this.rate = rate
    this.#offsetMs = offsetMs
  }

  /** Reads the clock, as the code of the host does. */
  read(): number {
    this.#lastReading = Math.max(this.#lastReading + READING_MS, this.monotonicMs)
    return this.#lastReading
  }

  /** What the clock shows, as seen from outside: looking takes no time. */
  get monotonicMs(): number {
    const running = (this.#suspendedAt ?? this.#time.now) - this.#suspendedMs
    return Math.max(this.#lastReading, this.#offsetMs + running * this.rate)
  }

  get wallMs(): number {
    return Math.floor(WALL_ORIGIN_MS + this.#time.now + this.#wallOffsetMs)
  }

  /** The time since boot, with the time in suspension. */
  get uptimeMs(): number {
    return this.#offsetMs + this.#time.now * this.rate
  }

  /** The true time until the clock shows `delayMs` more than it now should. */
  trueDelay(delayMs: number): number {
    const running = this.#offsetMs + (this.#time.now - this.#suspendedMs) * this.rate
    return (Math.max(0, this.#lastReading - running) + Math.max(0, delayMs)) / this.rate
  }

  /** Somebody sets the wall clock forward or back. */
  step(ms: number): void {
    this.#wallOffsetMs += ms
  }

  /** Somebody sets the wall clock, wrong by this much. */
  setWrong(byMs: number): void {
    this.#wallOffsetMs = byMs
  }

  /** How much the monotonic clock has missed in suspensions that are over. */
  get missedMs(): number {
    return this.#suspendedMs * this.rate
  }

  get isStopped(): boolean {
    return this.#backlog !== null
  }

  get isSuspended(): boolean {
    return this.#suspendedAt !== null
  }

  stop(how: 'stopped' | 'suspended'): void {
    if (this.#backlog !== null) return
    this.#backlog = []
    if (how === 'suspended') this.#suspendedAt = this.#time.now
  }

  resume(): void {
    const backlog = this.#backlog ?? []
    this.#backlog = null
    if (this.#suspendedAt !== null) this.#suspendedMs += this.#time.now - this.#suspendedAt
    this.#suspendedAt = null
    for (const run of backlog) this.#time.after(0, () => this.deliver(run))
  }

  /** Runs something on the host now, or when it goes on. */
  deliver(run: () => void): void {
    if (this.#backlog !== null) this.#backlog.push(run)
    else run()
  }
}
