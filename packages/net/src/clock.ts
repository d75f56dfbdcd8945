/**
 * Time comes in through this port, so that a test or a simulator owns it.
 *
 * Nothing else in this package reads a clock or sets a timer.
 */

/** A timer that was set and may be taken back. */
export interface Timer {
  cancel(): void
}

/** Where `net` gets its time from. */
export interface Clock {
  /** Milliseconds that never go back, from an arbitrary start. */
  now(): number
  setTimer(fn: () => void, ms: number): Timer
  /**
   * Runs `fn` after what is running now and before the next wait for I/O; channels write what a tick
   * has gathered here. A clock without it gets timers of 0 ms.
   */
  readonly defer?: (fn: () => void) => void
}

/** The machine's monotonic clock and Node's timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(fn, ms) {
    const timer = setTimeout(fn, ms)
    return { cancel: () => clearTimeout(timer) }
  },
  defer: (fn) => {
    setImmediate(fn)
  },
}

/** How to run something at the end of the tick on this clock. */
export function deferOn(clock: Clock): (fn: () => void) => void {
  return clock.defer ?? ((fn) => void clock.setTimer(fn, 0))
}
