/**
 * Time comes in through this port, so that a test owns it. Leases run on it: it must not go back, and stands still or runs on in
 * a suspended machine just as the clocks of the machine's other processes do.
 */

/** A clock and its timers. */
export interface Clock {
  /** Milliseconds that never go back, from an arbitrary start. */
  now(): number
  setTimer(run: () => void, ms: number): { cancel(): void }
}

/** The machine's monotonic clock and Node's timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(run, ms) {
    const timer = setTimeout(run, ms)
    return { cancel: () => clearTimeout(timer) }
  },
}
