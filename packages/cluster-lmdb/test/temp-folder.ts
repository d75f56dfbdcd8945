/** A folder of a test's own, removed when the test is over. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MEMORY = '/dev/shm'

/** In memory, where there is such a place, is for tests that commit a thousand times and ask nothing of the disk. */
export async function makeTempFolder(
  options: { isInMemory?: boolean } = {},
): Promise<{ path: string; remove(): Promise<void> }> {
  const root = options.isInMemory === true && existsSync(MEMORY) ? MEMORY : tmpdir()
  const path = await mkdtemp(join(root, 'epic-cluster-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
