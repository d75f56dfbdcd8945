/** Child processes of tests: started, killed and awaited by events. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export function compiledPath(script: string): string {
  return fileURLToPath(new URL(`./${script}.js`, import.meta.url))
}

/** An authority in its own process, ready to be asked. */
export async function startAuthority(folder: string, socketPath: string): Promise<ChildProcess> {
  const child = fork(compiledPath('authority-process'), [folder, socketPath])
  const said: unknown[] = await Promise.race([once(child, 'message'), once(child, 'exit')])
  if (said[0] !== 'ready') throw new Error(`The authority did not start: ${String(said[0])}`)
  return child
}

export async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
