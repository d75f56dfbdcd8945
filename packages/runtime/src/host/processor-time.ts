/** How much this process has to do, in milliseconds of a processor. */
import { performance } from 'node:perf_hooks'

/**
 * Counts the processor time of this process; or the time in which its event loop was busy, where that is more. A loop that waits in the
 * midst of its work for a processor that others have is as full as one that computes, and entities are better off elsewhere.
 */
export function countProcessorTime(): () => number {
  let [cpuBefore, busyBefore, total] = [0, 0, 0]
  return () => {
    const { user, system } = process.cpuUsage()
    const cpu = (user + system) / 1_000
    const busy = performance.eventLoopUtilization().active
    total += Math.max(cpu - cpuBefore, busy - busyBefore)
    ;[cpuBefore, busyBefore] = [cpu, busy]
    return total
  }
}
