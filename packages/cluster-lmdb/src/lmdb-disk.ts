/**
 * The disk below the cluster's truth: one LMDB environment, written by one authority at a time.
 *
 * Idea: the state machine holds everything in memory; the disk only takes deltas, each in one transaction that is on the platter
 * (`fdatasync`, then a synchronous write of the meta page) before its promise resolves, and gives a snapshot at the start.
 *
 * Who may write: opening raises the owner's number, and each commit is conditional on its own number, checked inside LMDB's write
 * transaction. So an authority that was frozen and woke after another took over writes nothing; its commit is `Fenced`.
 *
 * Subtle, all found by trying (lmdb 3.5.6):
 * - `overlappingSync` makes the meta page visible before the data is synced, and resolves puts before that; it is off.
 * - `transaction(callback)` never calls back on Node 20.20; `ifVersion` with a batch of puts needs no callback inside the transaction.
 * - On a full disk every put rejects, an inner promise of the event-turn batching rejects without a handler, and so does
 *   `error.commitError`. With `eventTurnBatching` off and that promise awaited, nothing is left unhandled. It still prints to stderr.
 * - A file that is no environment kills the process with SIGSEGV; so its first page is looked at before LMDB sees it.
 * - LMDB reports a short write on a full disk as EIO, and the process dies some writes later. So what will not fit is refused before LMDB
 *   tries (`lmdb-link`); should the disk fill up in between, the error is named by the space that is found.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { ClusterDelta, ClusterSnapshot, SavedLease } from '@epicserver/cluster-memory'
import { EpicError, isEpicError } from '@epicserver/contracts'
import type { Rec } from '@epicserver/contracts'
import { checkRoom, hasRoom } from '@epicserver/lmdb-link'
import type { CommitSize } from '@epicserver/lmdb-link'
import { open } from 'lmdb'
import type { RootDatabase } from 'lmdb'
import {
  FORMAT,
  HEAD_KEY,
  LEASES,
  OWNER_KEY,
  RECORDS,
  decodeHead,
  decodeLease,
  decodeRecord,
  encodeHead,
  encodeLease,
  encodeRecord,
  leaseKey,
  printKey,
  recordKey,
} from './disk-format.ts'
import type { Head } from './disk-format.ts'

/** LMDB needs a version with every entry of an environment that has any; only the owner's means something. */
const ANY_VERSION = 1
/** What opening writes: the head and the owner. */
const ROOM_TO_OPEN = { changes: 2, bytes: 0 }
/** With less than this free, a failed commit failed for want of room. */
const ROOM_BYTES_MIN = 1024 * 1024
/** What every meta page begins with, after the 24 bytes of a page's head. */
const MAGIC = Buffer.of(0xde, 0xc0, 0xef, 0xbe)
const MAGIC_AT = 24
const ERRNO = { io: 5, access: 13, noSpace: 28, readOnly: 30, quota: 122 } as const

/** What a commit writes under a key; `null` removes. */
type Entry = readonly [key: Uint8Array, value: Uint8Array | null]

export class LmdbDisk {
  readonly #db: RootDatabase<Uint8Array, Uint8Array>
  readonly #folder: string
  readonly #owner: number
  /** Made once, with the environment. */
  readonly storeId: string

  private constructor(db: RootDatabase<Uint8Array, Uint8Array>, folder: string) {
    this.#db = db
    this.#folder = folder
    this.storeId = this.#prepare()
    this.#owner = this.#takeOver()
  }

  /**
   * Opens or creates the environment in a folder, which must exist, and takes it over from whoever wrote to it before.
   * @throws EpicError `StoreNewer`, `CorruptRecord`, `StoreReadOnly`, `StoreFull`
   */
  static open(folder: string): LmdbDisk {
    try {
      checkFile(folder)
      checkRoom(folder, ROOM_TO_OPEN)
      const db = open<Uint8Array, Uint8Array>({
        path: folder,
        // Without this a path with a dot in it would name a file.
        noSubdir: false,
        encoding: 'binary',
        keyEncoding: 'binary',
        useVersions: true,
        overlappingSync: false,
        eventTurnBatching: false,
      })
      return new LmdbDisk(db, folder)
    } catch (error) {
      throw openError(error, folder)
    }
  }

  /** Everything that was committed. */
  load(): ClusterSnapshot {
    this.#db.resetReadTxn()
    const recs: Rec[] = []
    for (const { key, value } of this.#db.getRange(RECORDS)) {
      recs.push(decodeRecord(key, value) ?? this.#reportDamage(key))
    }
    const leases: SavedLease[] = []
    for (const { key, value } of this.#db.getRange(LEASES)) {
      leases.push(decodeLease(key, value) ?? this.#reportDamage(key))
    }
    return { ...this.#readHead(), recs, leases }
  }

  /**
   * Makes a delta durable, all of it or nothing.
   * @throws EpicError `Fenced` when another authority took over; `StoreFull` or `Unavailable` when nothing was written.
   */
  async commit(delta: ClusterDelta): Promise<void> {
    let isOwner: boolean
    try {
      const entries = this.#entriesOf(delta)
      checkRoom(this.#folder, sizeOf(entries))
      isOwner = await this.#db.ifVersion(OWNER_KEY, this.#owner, () => this.#write(entries))
    } catch (error) {
      throw isEpicError(error) ? error : await this.#commitError(error)
    }
    if (!isOwner) {
      throw new EpicError(
        'Fenced',
        `Cannot write to "${this.#folder}": another authority took it over`,
      )
    }
  }

  async close(): Promise<void> {
    await this.#db.close()
  }

  #entriesOf({ rev, leaseCount, puts, grants, deletes, ends }: ClusterDelta): Entry[] {
    return [
      [HEAD_KEY, encodeHead({ storeId: this.storeId, rev, leaseCount })],
      ...puts.map((rec): Entry => [recordKey(rec.key), encodeRecord(rec)]),
      ...grants.map((lease): Entry => [leaseKey(lease.id), encodeLease(lease)]),
      ...deletes.map((key): Entry => [recordKey(key), null]),
      ...ends.map((id): Entry => [leaseKey(id), null]),
    ]
  }

  #write(entries: readonly Entry[]): void {
    for (const [key, value] of entries) {
      // The transaction answers for all of them; a single one's promise says nothing.
      if (value === null) void this.#db.remove(key)
      else void this.#db.put(key, value, ANY_VERSION)
    }
  }

  /** The store's id, made when the environment is. */
  #prepare(): string {
    if (this.#db.get(HEAD_KEY) !== undefined) return this.#readHead().storeId
    const storeId = randomBytes(5).toString('hex')
    this.#db.transactionSync(() => {
      void this.#db.put(HEAD_KEY, encodeHead({ storeId, rev: 0n, leaseCount: 0 }), ANY_VERSION)
    })
    return storeId
  }

  #takeOver(): number {
    return this.#db.transactionSync(() => {
      const owner = (this.#db.getEntry(OWNER_KEY)?.version ?? 0) + 1
      void this.#db.put(OWNER_KEY, new Uint8Array(0), owner)
      return owner
    })
  }

  #readHead(): Head {
    const bytes = this.#db.get(HEAD_KEY)
    const head = bytes === undefined ? undefined : decodeHead(bytes)
    if (typeof head === 'number') {
      throw new EpicError(
        'StoreNewer',
        `Cannot open the cluster's truth in "${this.#folder}": it has format ${head}, this version reads ${FORMAT}`,
      )
    }
    return head ?? this.#reportDamage(HEAD_KEY)
  }

  #reportDamage(key: Uint8Array): never {
    throw new EpicError(
      'CorruptRecord',
      `Cannot read the cluster's truth in "${this.#folder}": the record ${printKey(key)} is damaged`,
      { details: { folder: this.#folder, key: printKey(key) } },
    )
  }

  async #commitError(error: unknown): Promise<EpicError> {
    const cause = await causeOf(error)
    if (isWantOfRoom(cause) || !hasRoom(this.#folder, ROOM_BYTES_MIN)) {
      return new EpicError('StoreFull', `Cannot write to "${this.#folder}": the disk is full`, {
        cause,
      })
    }
    return new EpicError('Unavailable', `Cannot write to "${this.#folder}": ${messageOf(cause)}`, {
      cause,
    })
  }
}

function sizeOf(entries: readonly Entry[]): CommitSize {
  const bytes = entries.reduce((sum, [key, value]) => sum + key.length + (value?.length ?? 0), 0)
  return { changes: entries.length, bytes }
}

/** Refuses a file that LMDB did not make. None at all, or an empty one, is a new environment. */
function checkFile(folder: string): void {
  const path = join(folder, 'data.mdb')
  if (!existsSync(path)) return
  const file = openSync(path, 'r')
  try {
    const page = Buffer.alloc(MAGIC_AT + MAGIC.length)
    const size = readSync(file, page, 0, page.length, 0)
    if (size === 0 || page.subarray(MAGIC_AT).equals(MAGIC)) return
  } finally {
    closeSync(file)
  }
  throw new Error('data.mdb was not made by LMDB')
}

/** LMDB's own error hides in a promise that rejects in the same turn, or, where nothing was noted, never settles. */
async function causeOf(error: unknown): Promise<unknown> {
  const inner = error instanceof Error && 'commitError' in error ? error.commitError : undefined
  if (!(inner instanceof Promise)) return error
  const noted = inner.then(
    () => error,
    (reason: unknown) => reason,
  )
  return Promise.race([noted, new Promise((resolve) => setImmediate(() => resolve(error)))])
}

function openError(error: unknown, folder: string): unknown {
  if (error instanceof EpicError) return error
  const attempt = `Cannot open the cluster's truth in "${folder}"`
  if (isWantOfRoom(error))
    return new EpicError('StoreFull', `${attempt}: the disk is full`, { cause: error })
  const code = codeOf(error)
  if (code === ERRNO.access || code === ERRNO.readOnly) {
    return new EpicError('StoreReadOnly', `${attempt}: it cannot be written to`, { cause: error })
  }
  return new EpicError('CorruptRecord', `${attempt}: ${messageOf(error)}`, { cause: error })
}

function isWantOfRoom(error: unknown): boolean {
  const code = codeOf(error)
  return code === ERRNO.noSpace || code === ERRNO.quota
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
