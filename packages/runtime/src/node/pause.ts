/** Waiting by the clock of a node, which a simulation may have in its hands. */
import type { NodeClock } from './ports.ts'

export function pause(clock: Pick<NodeClock, 'setTimer'>, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimer(resolve, ms))
}
