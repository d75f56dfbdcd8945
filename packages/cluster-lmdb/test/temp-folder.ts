/** A folder of a test's own, removed when the test is over. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export async function makeTempFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'epic-cluster-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
