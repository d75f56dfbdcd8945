/**
 * Runs seeds of the fabric's own simulation: a model of ownership and movement alone, without a runtime, in a process of its own since
 * it is a test of that package and no entry point of it.
 *
 * Some rules can only be broken there: in the real runtime the code that keeps them cannot be switched off.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const MAIN = new URL('../../../packages/fabric/dist-test/simulation/main.js', import.meta.url)

interface ModelReport {
  readonly failed: readonly { readonly seed: number }[]
}

/** The first seed in which a broken rule is noticed, or `null`. */
export async function firstModelSeedToNotice(
  mutation: string,
  { count, from }: { readonly count: number; readonly from: number },
): Promise<number | null> {
  const args = ['--mutation', mutation, '--seeds', String(count), '--from', String(from)]
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(MAIN), ...args])
  const { failed } = JSON.parse(stdout) as ModelReport
  return failed[0]?.seed ?? null
}
