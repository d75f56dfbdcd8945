/**
 * Opens an LMDB environment without ever waiting on the main thread.
 *
 * LMDB has one write lock for each environment, held by whichever process is writing, also by one that was stopped (SIGSTOP) in the
 * midst of it. `open()` of the `lmdb` package takes that lock on the calling thread, to create its tables, so a process that took over
 * one shard from a frozen process would stand still with all its other shards. `openAsClass` opens the environment alone; the
 * tables are then made in an asynchronous transaction, which waits for the lock on a thread of the pool.
 *
 * One process opens an environment once at a time: a second opening closes a descriptor of the lock file, and with it, by the rules of
 * POSIX, all locks that the process holds there; another process would then set up the lock file anew beneath it.
 *
 * Each commit is synced before it can be seen (`overlappingSync: false`): a reader never reveals what a power cut could take back, and
 * a failed sync has changed nothing. Measured, it costs nothing here: both ways take two syncs a commit, and commits are grouped.
 */
import { openAsClass } from 'lmdb'
import type { Database, RootDatabase, RootDatabaseOptionsWithPath } from 'lmdb'
import { EpicError } from '@epicserver/contracts'
import { checkDataFile } from './data-file.ts'
import { LockWait } from './lock-wait.ts'
import { storageError } from './storage-error.ts'

/** A table of an environment: bytes by bytes. */
export type Table = Database<Buffer, Buffer>

/** A root of an environment as `openAsClass` gives it; its declaration in the package says less than there is. */
interface RootClass {
  new (name: null, options: RootOptions): RootDatabase<Buffer, Buffer>
  readonly prototype: RootDatabase<Buffer, Buffer>
}

/** What the package's `open` makes of its options before it goes on. */
type RootOptions = RootDatabaseOptionsWithPath & { readonly isRoot: boolean }

/** An environment that is open, and what `prepare` made of it. */
export interface OpenedRoot<T> {
  readonly root: RootDatabase<Buffer, Buffer>
  readonly prepared: T
}

/** How an environment is opened. */
export interface OpenRootOptions {
  /** Gives up waiting for a write lock that another process holds. */
  readonly signal?: AbortSignal | undefined
}

const openPaths = new Set<string>()

/**
 * Opens the environment at `path` and runs `prepare` in its first write transaction.
 * @throws EpicError `DataFolderInUse` when this process has it open, `Unavailable` when `signal` ended the wait, and what `prepare`
 * throws.
 */
export async function openRoot<T>(
  path: string,
  prepare: (root: RootDatabase<Buffer, Buffer>) => T,
  { signal }: OpenRootOptions = {},
): Promise<OpenedRoot<T>> {
  const wait = new LockWait(path, signal)
  return wait.run(async () => {
    if (openPaths.has(path)) {
      throw new EpicError('DataFolderInUse', `Cannot open ${path}: this process has it open`)
    }
    openPaths.add(path)
    return openAndPrepare(path, prepare, wait)
  })
}

/** Closes what {@link openRoot} opened; it may be opened again then. */
export async function closeRoot(path: string, root: RootDatabase<Buffer, Buffer>): Promise<void> {
  await root.close()
  openPaths.delete(path)
}

async function openAndPrepare<T>(
  path: string,
  prepare: (root: RootDatabase<Buffer, Buffer>) => T,
  wait: LockWait,
): Promise<OpenedRoot<T>> {
  const options = optionsFor(path)
  const opened: { root?: RootDatabase<Buffer, Buffer> } = {}
  try {
    await checkDataFile(path)
    const Root = openAsClass<Buffer, Buffer>(options) as unknown as RootClass
    const prepared = await inTransaction(Root, () => {
      // Without `isRoot` its `close` would leave the environment open, and its descriptors and locks with it.
      opened.root = new Root(null, { ...options, isRoot: true })
      if (wait.isGivenUp) throw wait.error()
      wait.handleLocked()
      return prepare(opened.root)
    })
    return { root: opened.root as RootDatabase<Buffer, Buffer>, prepared }
  } catch (error) {
    const cause = await causeOf(error)
    if (opened.root === undefined) openPaths.delete(path)
    else await closeRoot(path, opened.root)
    throw cause instanceof EpicError ? cause : storageError(`open ${path}`, path, cause)
  }
}

/** Runs `action` in a write transaction of an environment of which no table is open yet: any number stands for one. */
async function inTransaction<T>(Root: RootClass, action: () => T): Promise<T> {
  const tableless = Object.create(Root.prototype) as RootDatabase & { db: { dbi: number } }
  tableless.db = { dbi: 0 }
  return tableless.transaction(action)
}

function optionsFor(path: string): RootDatabaseOptionsWithPath {
  const options = {
    path,
    noSubdir: false,
    maxDbs: 16,
    keyEncoding: 'binary',
    encoding: 'binary',
    overlappingSync: false,
    // A commit is started by whoever has one to make, and its failure then rejects no promise of the package's own.
    eventTurnBatching: false,
    txnStartThreshold: 1,
    permissionsMode: 0o600,
  }
  return options as RootDatabaseOptionsWithPath
}

/**
 * Why a commit failed. `lmdb` rejects what waits for a commit with an error that carries a promise of the reason, and leaves that
 * promise unhandled, which would end the process.
 */
export async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error
  const { commitError } = error
  if (!(commitError instanceof Promise)) return error
  return commitError.then(
    () => error,
    (cause: unknown) => cause,
  )
}
