/** The machine's clocks and Node's timers, as a node's clock. */
import type { NodeClock } from './ports.ts'

export const systemClock: NodeClock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer(run, delayMs) {
    const timer = setTimeout(run, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
  yield: (run) => {
    setImmediate(run)
  },
  afterTurns: (run) => {
    process.nextTick(run)
  },
}
