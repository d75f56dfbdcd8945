/**
 * One LMDB environment: the tables of a shard, its owner, and commits that only the owner can make.
 *
 * The idea: an environment holds the number of its owner. Whoever opens it for writing gives a higher number, and every commit asks,
 * inside its write transaction, whether the number is still its own. So a process that was frozen, and wakes after another has taken
 * the shard over, cannot write, however late it is: the check and the write are one. It follows that between two commits of an owner
 * nobody else has written, so guards may be checked against what was durable before the commit.
 *
 * The number of the last commit is kept beside it. After a failure that tells whether the commit was done: where it was not, the
 * caller may safely repeat.
 *
 * One commit is under way at a time; `GroupCommit` sees to that.
 */
import { EpicError } from '@epicserver/contracts'
import { checkRoom } from '@epicserver/lmdb-link'
import type { CommitSize } from '@epicserver/lmdb-link'
import type { RootDatabase } from 'lmdb'
import { causeOf, closeRoot, openRoot } from './lmdb-open.ts'
import type { Table } from './lmdb-open.ts'
import { storageError } from './storage-error.ts'

/** The tables of a shard. */
export interface Tables {
  /** Records by `entityKey`. */
  readonly records: Table
  /** States that are too large to lie inside of a record, by the same key. */
  readonly states: Table
  /** The instants of tasks, by entity. */
  readonly tasks: Table
  /** Tasks by instant. */
  readonly dues: Table
  /** Index entries. */
  readonly entries: Table
  /** What is known of indexes. */
  readonly catalog: Table
  /** Prefixes of index entries that nobody needs any more. */
  readonly garbage: Table
  /** Copies of what was damaged. */
  readonly quarantine: Table
}

/** How an environment is opened. */
export interface EnvironmentOptions {
  /** Above that of every owner before; without it, one more than the last. */
  readonly owner?: number | undefined
  /** Gives up waiting for a write lock that another process holds. */
  readonly signal?: AbortSignal | undefined
}

interface Ownership {
  readonly format: number
  readonly isHeld: boolean
  readonly commitNumber: number
  readonly owner: number
}

interface Prepared {
  readonly tables: Tables
  readonly ownership: Table
  readonly taken: Ownership
}

/** What is written to a data folder in another way is another format. */
const FORMAT = 1
const OWNERSHIP_KEY = Buffer.from('ownership')
const OWNERSHIP_BYTES = 16

export class Environment {
  readonly path: string
  readonly tables: Tables
  readonly owner: number
  readonly #root: RootDatabase<Buffer, Buffer>
  readonly #ownership: Table
  #commitNumber: number
  #isBroken = false
  /** Written by one commit at a time, so one buffer serves all. */
  readonly #ownershipValue = Buffer.alloc(OWNERSHIP_BYTES)

  private constructor(path: string, root: RootDatabase<Buffer, Buffer>, prepared: Prepared) {
    this.path = path
    this.#root = root
    this.tables = prepared.tables
    this.#ownership = prepared.ownership
    this.owner = prepared.taken.owner
    this.#commitNumber = prepared.taken.commitNumber
  }

  /**
   * Opens the environment in the folder `path`, which must exist, and makes the caller its owner.
   * @throws EpicError `Fenced` when a higher owner is there, or one of the same number that did not close; `StoreNewer`, `StoreFull`,
   * `StoreReadOnly`, `DataFolderInUse`, `Unavailable`.
   */
  static async open(
    path: string,
    { owner, signal }: EnvironmentOptions = {},
  ): Promise<Environment> {
    const prepare = (root: RootDatabase<Buffer, Buffer>): Prepared =>
      prepareTables(path, root, owner)
    checkRoom(path, { changes: 1, bytes: 0 })
    const { root, prepared } = await openRoot(path, prepare, { signal })
    return new Environment(path, root, prepared)
  }

  /**
   * Makes everything that `put` puts and removes durable in one transaction, or nothing of it. `put` must not throw, and what it
   * puts must not change before the promise settles.
   * @throws EpicError `Fenced` when somebody else owns the environment now; `StoreFull`, `StoreReadOnly` or `Unavailable` when nothing
   * was written; `Unknown` when it may have been.
   */
  async commit(put: () => void, size: CommitSize): Promise<void> {
    checkRoom(this.path, size)
    await this.#commit(put, true)
    this.#commitNumber += 1
  }

  /** The number that the next commit has, if it succeeds. */
  get nextCommitNumber(): number {
    return this.#commitNumber + 1
  }

  /** Whether LMDB can no longer write to it: it must be opened anew, which is what a restart of the process does. */
  get isBroken(): boolean {
    return this.#isBroken
  }

  /** Whether the environment is still this owner's, as far as is durable now. */
  isOwned(): boolean {
    this.#ownership.resetReadTxn()
    return this.#ownership.getEntry(OWNERSHIP_KEY)?.version === this.owner
  }

  /** Gives the environment back, so that the same owner may open it again, and closes it. */
  async close(): Promise<void> {
    try {
      if (!this.#isBroken && this.isOwned()) await this.#commit(() => undefined, false)
    } finally {
      await closeRoot(this.path, this.#root)
    }
  }

  /** Says that another owner has taken over. */
  fenced(): EpicError {
    const found = this.#ownership.getEntry(OWNERSHIP_KEY)?.version
    return new EpicError(
      'Fenced',
      `Cannot write to ${this.path} as owner ${this.owner}: owner ${found} has it`,
      { details: { path: this.path, owner: this.owner, found } },
    )
  }

  /** Says that LMDB gave the environment up. */
  broken(): EpicError {
    return new EpicError(
      'Unavailable',
      `Cannot use ${this.path}: LMDB gave it up after a failure of the disk; restart the process`,
      { details: { path: this.path, isBroken: true } },
    )
  }

  async #commit(put: () => void, isHeld: boolean): Promise<void> {
    const commitNumber = this.#commitNumber + 1
    const ownership = encodeOwnership(this.#ownershipValue, { isHeld, commitNumber })
    let isOwned: boolean
    try {
      isOwned = await this.#ownership.ifVersion(OWNERSHIP_KEY, this.owner, () => {
        void this.#ownership.put(OWNERSHIP_KEY, ownership, this.owner)
        put()
      })
    } catch (error) {
      throw await this.#failure(await causeOf(error), commitNumber)
    }
    if (!isOwned) throw this.fenced()
  }

  async #failure(cause: unknown, commitNumber: number): Promise<EpicError> {
    if (!this.#mayBeDone(commitNumber)) {
      return storageError(`write to ${this.path}`, this.path, cause)
    }
    return new EpicError('Unknown', `Cannot tell whether a commit to ${this.path} was done`, {
      cause,
      details: { path: this.path },
    })
  }

  /**
   * Whether a commit that failed may be on the disk all the same. When LMDB failed to write one of the two pages that make a commit valid,
   * it gives the environment up: nothing can be read from it any more, and a write would wait for ever.
   */
  #mayBeDone(commitNumber: number): boolean {
    try {
      this.#ownership.resetReadTxn()
      const found = readOwnership(this.#ownership)
      return found === undefined || found.commitNumber >= commitNumber
    } catch {
      this.#isBroken = true
      return true
    }
  }
}

function prepareTables(
  path: string,
  root: RootDatabase<Buffer, Buffer>,
  wanted: number | undefined,
): Prepared {
  const table = (name: string, useVersions = false): Table =>
    root.openDB<Buffer, Buffer>({ name, useVersions, keyEncoding: 'binary', encoding: 'binary' })
  const ownership = table('ownership', true)
  const taken = takeOwnership(path, ownership, wanted)
  const tables = {
    records: table('records'),
    states: table('states'),
    tasks: table('tasks'),
    dues: table('dues'),
    entries: table('entries'),
    catalog: table('catalog'),
    garbage: table('garbage'),
    quarantine: table('quarantine'),
  }
  return { tables, ownership, taken }
}

/** Runs inside the write transaction that opens the environment. */
function takeOwnership(path: string, table: Table, wanted: number | undefined): Ownership {
  const before = readOwnership(table)
  if (before !== undefined && before.format > FORMAT) {
    throw new EpicError(
      'StoreNewer',
      `Cannot open ${path}: its format is ${before.format}, ${FORMAT} is known here`,
    )
  }
  const owner = wanted ?? (before?.owner ?? 0) + 1
  if (before !== undefined && isFencedBy(before, owner)) {
    throw new EpicError(
      'Fenced',
      `Cannot open ${path} as owner ${owner}: owner ${before.owner} has it`,
      { details: { path, owner, found: before.owner } },
    )
  }
  const commitNumber = (before?.commitNumber ?? 0) + 1
  const value = encodeOwnership(Buffer.alloc(OWNERSHIP_BYTES), { isHeld: true, commitNumber })
  void table.put(OWNERSHIP_KEY, value, owner)
  return { format: FORMAT, isHeld: true, commitNumber, owner }
}

/** An owner may come back under its number after it closed; one that died must come with a higher one. */
function isFencedBy(before: Ownership, owner: number): boolean {
  return before.owner > owner || (before.owner === owner && before.isHeld)
}

function readOwnership(table: Table): Ownership | undefined {
  const entry = table.getEntry(OWNERSHIP_KEY)
  if (entry === undefined) return undefined
  return {
    format: entry.value.readUInt32BE(0),
    isHeld: entry.value.readUInt32BE(4) !== 0,
    commitNumber: entry.value.readDoubleBE(8),
    owner: entry.version ?? 0,
  }
}

function encodeOwnership(
  value: Buffer,
  { isHeld, commitNumber }: Pick<Ownership, 'isHeld' | 'commitNumber'>,
): Buffer {
  value.writeUInt32BE(FORMAT, 0)
  value.writeUInt32BE(isHeld ? 1 : 0, 4)
  value.writeDoubleBE(commitNumber, 8)
  return value
}
