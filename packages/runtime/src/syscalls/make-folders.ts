/** Folders that are made one by one. Node's `recursive` never ends where the file system takes no new folder, as below `/proc`. */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes a folder and those above it, unless they are there.
 * @throws the system's error
 */
export async function makeFolders(path: string, mode = 0o777): Promise<void> {
  if ((await missingAbove(path, mode)) === undefined) return
  await makeFolders(dirname(path), mode)
  // What is still said to be missing, below a folder that is there, is no folder's place.
  const problem = await missingAbove(path, mode)
  if (problem !== undefined) throw problem
}

/** Makes a folder; the system's error, when it says that the one above is missing. */
async function missingAbove(path: string, mode: number): Promise<Error | undefined> {
  try {
    await mkdir(path, { mode })
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error
    if (error.code === 'ENOENT' && dirname(path) !== path) return error
    if (error.code !== 'EEXIST') throw error
  }
  return undefined
}
