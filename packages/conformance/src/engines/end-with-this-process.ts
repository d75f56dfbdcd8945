/** Engines that a test started must not outlive it, however it ends; only SIGKILL leaves no time for that. */
import type { ChildProcess } from 'node:child_process'

const children = new Set<ChildProcess>()
let isArmed = false

/** Kills `child` when this process ends, unless it ended before. */
export function endWithThisProcess(child: ChildProcess): void {
  arm()
  children.add(child)
  child.once('exit', () => children.delete(child))
}

function arm(): void {
  if (isArmed) return
  isArmed = true
  process.once('exit', killAll)
  // A test runner whose patience is over sends SIGTERM, of which 'exit' hears nothing.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.once(signal, () => {
      killAll()
      process.kill(process.pid, signal)
    })
  }
}

/** PostgreSQL's children see that their parent is gone, and follow. */
function killAll(): void {
  for (const child of children) child.kill('SIGKILL')
}
