/** Waiting by the clock of a node, which a simulation may have in its hands. */
import type { NodeClock } from './ports.ts'

type Timers = Pick<NodeClock, 'setTimer'>

export function pause(clock: Timers, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimer(resolve, ms))
}

/** Waits for work, but no longer than so long; says whether it has ended. Throws what the work throws until then. */
export function within(clock: Timers, limitMs: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const limit = clock.setTimer(() => resolve(false), limitMs)
    work.then(() => resolve(true), reject).finally(() => limit.cancel())
  })
}
