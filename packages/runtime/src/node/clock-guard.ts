/**
 * Notices time that the monotonic clock missed before anything is done in it.
 *
 * A machine that was suspended finds its monotonic clock where it was, while its lease has run out elsewhere. The first thing that
 * happens then may be a message or an answer of the store, long before a timer. So the clocks are compared once in each turn of
 * the event loop, before the first effect; the fabric's member decides what a jump means. Within one turn nothing can be done:
 * between a check and the effect after it a machine may always be suspended, which is what the epochs in the stores are for.
 */
import type { NodeClock } from './ports.ts'

/** Two clocks are not read at one instant; the fabric takes up to 50 ms for noise. */
const JUMP_MS = 25

export class ClockGuard {
  readonly #clock: NodeClock
  readonly #uptimeMs: (() => number) | undefined
  readonly #onJump: () => void
  #wallOffsetMs: number
  #uptimeOffsetMs: number
  #isChecked = false

  /** `onJump` reads the clocks for the member. */
  constructor(clock: NodeClock, uptimeMs: (() => number) | undefined, onJump: () => void) {
    this.#clock = clock
    this.#uptimeMs = uptimeMs
    this.#onJump = onJump
    const now = clock.monotonicMs()
    this.#wallOffsetMs = clock.wallMs() - now
    this.#uptimeOffsetMs = uptimeMs === undefined ? 0 : uptimeMs() - now
  }

  /** To be called before effects; costs nothing from the second time in a turn of the event loop. */
  check(now: number): void {
    if (this.#isChecked) return
    this.#isChecked = true
    this.#clock.afterTurns(this.#forget)
    const wallOffsetMs = this.#clock.wallMs() - now
    const uptimeOffsetMs = this.#uptimeMs === undefined ? 0 : this.#uptimeMs() - now
    const hasJumped =
      wallOffsetMs - this.#wallOffsetMs > JUMP_MS || uptimeOffsetMs - this.#uptimeOffsetMs > JUMP_MS
    this.#wallOffsetMs = wallOffsetMs
    this.#uptimeOffsetMs = uptimeOffsetMs
    if (hasJumped) this.#onJump()
  }

  readonly #forget = (): void => {
    this.#isChecked = false
  }
}
