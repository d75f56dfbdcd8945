/**
 * Time comes in through this port, so that a test or a simulator owns it.
 *
 * Nothing else in this package reads a clock or sets a timer.
 */
import process from 'node:process'

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
   * Runs `fn` at the end of this tick: after what runs now and the promises that go on with it. Channels write there what the
   * tick has sent. A clock without it gets timers of 0 ms.
   */
  readonly defer?: (fn: () => void) => void
  /** Runs `fn` after sockets were read: there goes on what had to make room for them. The same without it. */
  readonly afterInput?: (fn: () => void) => void
}

/**
 * The machine's monotonic clock, Node's timers, and its event loop.
 *
 * The end of a tick is a microtask that queues a `process.nextTick`: that one runs when no promise has anything left to do, so
 * that answers which come some promises later still leave in one write. Measured (test/bench/flush.ts, 100 calls in flight between
 * two processes, answers two promises later, CPU a call): 0.35 µs; `nextTick` or a microtask alone 0.36, and a write for each
 * promise where an entity's turn is longer; `setImmediate` 0.44. With one call in flight all four are equal.
 */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(fn, ms) {
    const timer = setTimeout(fn, ms)
    return { cancel: () => clearTimeout(timer) }
  },
  defer: (fn) => queueMicrotask(() => process.nextTick(fn)),
  afterInput: (fn) => {
    setImmediate(fn)
  },
}

/** How to run something at the end of the tick on this clock. */
export function deferOn(clock: Clock): (fn: () => void) => void {
  return clock.defer ?? ((fn) => void clock.setTimer(fn, 0))
}

/** How to run something after sockets were read on this clock. */
export function afterInputOn(clock: Clock): (fn: () => void) => void {
  return clock.afterInput ?? ((fn) => void clock.setTimer(fn, 0))
}
