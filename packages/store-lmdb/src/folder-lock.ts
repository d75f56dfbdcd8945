/**
 * The lock of a data folder: one supervisor at a time, with nothing left behind by one that was killed.
 *
 * It is an LMDB environment of its own, in which nothing is ever written. Whoever has a reader's place in it holds the folder: LMDB ties
 * such a place to a lock that the kernel keeps for the process (`fcntl`), and gives back with its death, however it died. The look
 * around and the taking of the place happen under the environment's write lock, so of two that come at once one is first. The place
 * names its process, which is what the second is told.
 *
 * By the rules of POSIX these locks end when the process closes any descriptor of the lock file: nobody may read `lock.mdb` files
 * within the supervisor, not even to back them up.
 */
import { join } from 'node:path'
import { EpicError, isEpicError } from '@epicserver/contracts'
import type { RootDatabase, Transaction } from 'lmdb'
import { makeFolder } from './folder-safety.ts'
import { FOLDER_LOCK_WAIT_MS } from './limits.ts'
import { closeRoot, openRoot } from './lmdb-open.ts'

const FOLDER = 'supervisor'

export class FolderLock {
  readonly #path: string
  readonly #root: RootDatabase<Buffer, Buffer>
  readonly #place: Transaction
  #releasing: Promise<void> | undefined

  private constructor(path: string, root: RootDatabase<Buffer, Buffer>, place: Transaction) {
    this.#path = path
    this.#root = root
    this.#place = place
  }

  /**
   * Takes the lock of a data folder, until it is released or the process ends.
   * @throws EpicError `DataFolderInUse`, with the pid of the process that has it.
   */
  static async take(folder: string): Promise<FolderLock> {
    const path = join(folder, FOLDER)
    await makeFolder(path)
    const signal = AbortSignal.timeout(FOLDER_LOCK_WAIT_MS)
    try {
      const { root, prepared } = await openRoot(path, (opened) => takePlace(folder, opened), {
        signal,
      })
      return new FolderLock(path, root, prepared)
    } catch (error) {
      // The rule that a process opens an environment once tells of itself.
      const isOwn =
        isEpicError(error) && error.code === 'DataFolderInUse' && error.details['pid'] === undefined
      throw isOwn ? inUse(folder, process.pid) : error
    }
  }

  async release(): Promise<void> {
    this.#releasing ??= this.#release()
    return this.#releasing
  }

  async #release(): Promise<void> {
    this.#place.done()
    await closeRoot(this.#path, this.#root)
  }
}

/** Runs under the write lock of the environment. */
function takePlace(folder: string, root: RootDatabase<Buffer, Buffer>): Transaction {
  root.readerCheck()
  const [holder] = pidsIn(root.readerList())
  if (holder !== undefined) throw inUse(folder, holder)
  return root.useReadTransaction()
}

/** The processes in LMDB's list of readers, one a line: `pid thread transaction`. */
function pidsIn(list: string): number[] {
  return [...list.matchAll(/^\s*(\d+)\s/gm)].map(([, pid]) => Number(pid))
}

function inUse(folder: string, pid: number): EpicError {
  return new EpicError(
    'DataFolderInUse',
    `Cannot use the data folder ${folder}: process ${pid} works on it`,
    { details: { folder, pid } },
  )
}
