/**
 * Entities in one LMDB environment: a shard of a data folder.
 *
 * One process writes to it, its owner; see `environment.ts` for how others are kept out. Everything that changes something goes
 * through `GroupCommit`; reading is done at once, from what is durable. A claim that has nothing to raise is answered from what is
 * durable as well, after it was made sure that the environment is still owned.
 */
import { resolve } from 'node:path'
import {
  checkDueQuery,
  checkEntityId,
  checkGuard,
  checkIndexEntries,
  checkIndexName,
  checkIndexStatus,
  checkScan,
  checkWrite,
  EpicError,
} from '@epicserver/contracts'
import type {
  Claimed,
  DueQuery,
  EntityId,
  Guard,
  IndexEntry,
  IndexStatus,
  Scan,
  ScanPage,
  StateStore,
  StoredRecord,
  Task,
  Write,
  WriteRequest,
} from '@epicserver/contracts'
import type { Changes } from './changes.ts'
import { entityKey } from './entity-key.ts'
import { ClaimJob, DiscardJob, ReindexJob, RemoveJob, WriteJob } from './entity-jobs.ts'
import type { EntityJob } from './entity-jobs.ts'
import { Environment } from './environment.ts'
import type { Damage, QuarantinedRecord, WalkedRow } from './found-records.ts'
import { Shard } from './shard.ts'
import { readError } from './storage-error.ts'
import { Subject } from './subjects.ts'
import { walk } from './walk.ts'

/** How a shard is opened. */
export interface LmdbStateStoreOptions {
  /**
   * The owner's number: above that of every owner before, or the same after that one closed the store. Without it, one more than
   * the last.
   */
  readonly owner?: number | undefined
  /** Gives up waiting while another process holds the write lock, which a frozen one may do for ever. */
  readonly signal?: AbortSignal | undefined
  /** Told of each record that is found damaged. Its callers get `CorruptRecord` besides. */
  readonly onDamage?: ((damage: Damage) => void) | undefined
}

/**
 * Keeps entities in an LMDB environment of their own folder.
 * @example
 * const store = await LmdbStateStore.open('/var/lib/game/shard-000')
 * const { version } = await store.claim({ type: 'Player', id: 'bob' }, 1n)
 */
export class LmdbStateStore implements StateStore {
  readonly #shard: Shard
  #closing: Promise<void> | undefined

  private constructor(shard: Shard) {
    this.#shard = shard
  }

  /**
   * Opens the shard in the folder `path`, which must exist, and takes it over from the owner before.
   * @throws EpicError `Fenced`, `StoreNewer`, `StoreFull`, `StoreReadOnly`, `DataFolderInUse`, `Unavailable`.
   */
  static async open(path: string, options: LmdbStateStoreOptions = {}): Promise<LmdbStateStore> {
    const environment = await Environment.open(resolve(path), options)
    const shard = new Shard(environment, options.onDamage)
    shard.sweep()
    return new LmdbStateStore(shard)
  }

  /** The number under which this store owns the shard. */
  get owner(): number {
    return this.#shard.environment.owner
  }

  claim(entity: EntityId, epoch: bigint): Promise<Claimed> {
    return this.#ask(() => {
      checkGuard({ epoch, version: 0n })
      return new ClaimJob(this.#shard, entity, epoch)
    })
  }

  async read(entity: EntityId): Promise<StoredRecord | null> {
    checkEntityId(entity)
    return this.#read(() => {
      const { records } = this.#shard
      const key = entityKey(entity)
      const found = records.find(key)
      if (found === undefined) return null
      const bytes = records.stateOf(key, found)
      const { epoch, version } = found.head
      return bytes === null ? null : { entity, epoch, version, bytes }
    })
  }

  write(entity: EntityId, guard: Guard, write: Write): Promise<bigint> {
    return new Promise((resolve, reject) => {
      const { type, id } = entity
      const { epoch, version } = guard
      const told = { handleWritten: resolve, handleFailed: reject }
      this.startWrite({ type, id, epoch, version, write, ...told })
    })
  }

  startWrite(request: WriteRequest): void {
    try {
      this.#checkOpen()
      checkGuard(request)
      checkWrite(request, request.write)
      this.#shard.commits.add(new WriteJob(this.#shard, request))
    } catch (error) {
      refuse(request, error)
    }
  }

  remove(entity: EntityId, guard: Guard): Promise<bigint> {
    return this.#ask(() => {
      checkGuard(guard)
      return new RemoveJob(this.#shard, entity, guard)
    })
  }

  async due(query: DueQuery): Promise<Task[]> {
    checkDueQuery(query)
    return this.#read(() => this.#shard.tasks.due(query))
  }

  async scan(scan: Scan): Promise<ScanPage> {
    checkScan(scan)
    return this.#read(() => pageOf(this.walk(scan), scan.limit))
  }

  /** The rows of a walk, to be merged with those of other shards. What it reads is of one moment as long as nothing is awaited. */
  walk(scan: Scan): Iterable<WalkedRow> {
    this.#checkOpen()
    return walk(this.#shard, scan)
  }

  async indexes(type?: string): Promise<IndexStatus[]> {
    this.#checkOpen()
    return this.#shard.catalog.list(type)
  }

  async setIndex(status: IndexStatus): Promise<void> {
    checkIndexStatus(status)
    await this.#changeCatalog((changes) => this.#shard.catalog.set(changes, status))
  }

  async dropIndex(type: string, index: string): Promise<void> {
    checkIndexName(type, index)
    await this.#changeCatalog((changes) => this.#shard.catalog.drop(changes, type, index))
  }

  reindex(entity: EntityId, version: bigint, indexes: readonly IndexEntry[]): Promise<boolean> {
    return this.#ask(() => {
      checkGuard({ epoch: 0n, version })
      checkIndexEntries(indexes)
      return new ReindexJob(this.#shard, entity, version, indexes)
    })
  }

  /** Copies of all records that were found damaged, for whoever repairs them. */
  quarantined(): QuarantinedRecord[] {
    this.#checkOpen()
    return this.#shard.quarantine.list()
  }

  /**
   * Takes a damaged record away, so that its entity may begin anew; the copy stays. A record that is whole is left alone.
   * @returns whether there was a damaged one
   */
  discardDamaged(entity: EntityId): Promise<boolean> {
    return this.#ask(() => new DiscardJob(this.#shard, entity))
  }

  async close(): Promise<void> {
    this.#closing ??= this.#shard.close()
    return this.#closing
  }

  /** Not an async function: its second promise, and the turns that it takes, would cost a tenth of a write. */
  #ask<T>(makeJob: () => EntityJob<T>): Promise<T> {
    try {
      this.#checkOpen()
      const job = makeJob()
      this.#shard.commits.add(job)
      return job.promise
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  async #changeCatalog(prepare: (changes: Changes) => () => void): Promise<void> {
    this.#checkOpen()
    await new Promise<void>((resolve, reject) => {
      let handleDone: () => void
      this.#shard.commits.add({
        subject: new Subject(),
        isAlone: true,
        prepare: (changes) => {
          handleDone = prepare(changes)
        },
        handleDone: () => handleDone(),
        answer: resolve,
        handleFailed: reject,
      })
    })
    this.#shard.sweep()
  }

  #read<T>(read: () => T): T {
    this.#checkOpen()
    try {
      return read()
    } catch (error) {
      const { path } = this.#shard.environment
      throw readError(`read ${path}`, path, error)
    }
  }

  #checkOpen(): void {
    const { environment } = this.#shard
    if (this.#closing !== undefined) {
      throw new EpicError('Unavailable', `Cannot use ${environment.path}: it is closed`)
    }
    if (environment.isBroken) throw environment.broken()
  }
}

/** Not at once: whoever starts a write need not expect its answer before it is started. */
function refuse(request: WriteRequest, error: unknown): void {
  queueMicrotask(() => request.handleFailed(error))
}

/** Up to `limit` rows of a walk, and where it goes on. */
export function pageOf(rows: Iterable<WalkedRow>, limit: number): ScanPage {
  const page: WalkedRow[] = []
  let next: Uint8Array | null = null
  for (const row of rows) {
    if (page.length === limit) {
      next = page.at(-1)?.place ?? null
      break
    }
    page.push(row)
  }
  return { rows: page.map(({ row }) => row), next }
}
