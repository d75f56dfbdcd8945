/** Whether processes are there that are not our children. */
import { readFileSync } from 'node:fs'
import { pause } from './load.ts'

/** A process that has ended and whose parent did not ask for its end yet is not alive. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    const stat = process.platform === 'linux' ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
    return !/\) Z /.test(stat)
  } catch {
    return false // there is no such process, which is the answer
  }
}

/** Resolves when the process has ended, or with `false` after a while. */
export async function gone(pid: number, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs
  while (isAlive(pid)) {
    if (performance.now() > until) return false
    await pause(1)
  }
  return true
}
