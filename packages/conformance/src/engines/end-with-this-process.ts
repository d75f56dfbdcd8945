/** Engines that a test started must not outlive it, however it ends. */
import type { ChildProcess } from 'node:child_process'

const children = new Set<ChildProcess>()

/** Kills `child` when this process exits, unless it ended before. */
export function endWithThisProcess(child: ChildProcess): void {
  if (children.size === 0) process.once('exit', killAll)
  children.add(child)
  child.once('exit', () => children.delete(child))
}

/** PostgreSQL's children see that their parent is gone, and follow. */
function killAll(): void {
  for (const child of children) child.kill('SIGKILL')
}
