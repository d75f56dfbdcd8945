/**
 * Entities in one LMDB environment: a shard of a data folder.
 *
 * One process writes to it, its owner; see `environment.ts` for how others are kept out. Everything that changes something goes
 * through `GroupCommit`; reading is done at once, from what is durable. A claim that has nothing to raise is answered from what is
 * durable as well, after it was made sure that the environment is still owned.
 */
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
  formatEntityId,
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
} from '@epicserver/contracts'
import type { Changes } from './changes.ts'
import { DueTasks } from './due-tasks.ts'
import type { StrayTask } from './due-tasks.ts'
import { entityKey, partitionOfKey } from './entity-key.ts'
import { Environment } from './environment.ts'
import { GroupCommit } from './group-commit.ts'
import { IndexCatalog } from './index-catalog.ts'
import { Quarantine } from './quarantine.ts'
import type { Damage, QuarantinedRecord } from './quarantine.ts'
import type { RecordHead } from './record.ts'
import { epochError, RecordTable } from './record-table.ts'
import { walk } from './walk.ts'
import type { WalkedRow, WalkSource } from './walk.ts'

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

/** What a request that changes an entity leads to. */
interface Outcome<T> {
  readonly answer: T
  /** What is on disk of the entity when it is done; left out where that stays the same. */
  readonly head?: RecordHead | undefined
  readonly handleDone?: (() => void) | undefined
}

/** An entity with all that requests need of it. */
interface Subject {
  readonly entity: EntityId
  readonly name: string
  readonly key: Buffer
  readonly partition: number
}

/**
 * Keeps entities in an LMDB environment of their own folder.
 * @example
 * const store = await LmdbStateStore.open('/var/lib/game/shard-000')
 * const { version } = await store.claim({ type: 'Player', id: 'bob' }, 1n)
 */
export class LmdbStateStore implements StateStore {
  readonly #environment: Environment
  readonly #commits: GroupCommit
  readonly #quarantine: Quarantine
  readonly #records: RecordTable
  readonly #catalog: IndexCatalog
  readonly #tasks: DueTasks
  readonly #walkSource: WalkSource
  #closing: Promise<void> | undefined

  private constructor(environment: Environment, onDamage: LmdbStateStoreOptions['onDamage']) {
    this.#environment = environment
    this.#commits = new GroupCommit(environment)
    this.#quarantine = new Quarantine(environment, this.#commits, onDamage)
    this.#records = new RecordTable(environment, this.#quarantine)
    this.#catalog = new IndexCatalog(environment)
    this.#tasks = new DueTasks(environment, (stray) => this.#removeStray(stray))
    this.#walkSource = {
      environment,
      catalog: this.#catalog,
      records: this.#records,
      handleDamage: throwUnlessDamaged,
    }
  }

  /**
   * Opens the shard in the folder `path`, which must exist, and takes it over from the owner before.
   * @throws EpicError `Fenced`, `StoreNewer`, `StoreFull`, `StoreReadOnly`, `DataFolderInUse`, `Unavailable`.
   */
  static async open(path: string, options: LmdbStateStoreOptions = {}): Promise<LmdbStateStore> {
    const environment = await Environment.open(path, options)
    const store = new LmdbStateStore(environment, options.onDamage)
    store.#sweep()
    return store
  }

  /** The number under which this store owns the shard. */
  get owner(): number {
    return this.#environment.owner
  }

  async claim(entity: EntityId, epoch: bigint): Promise<Claimed> {
    checkEntityId(entity)
    checkGuard({ epoch, version: 0n })
    return this.#change(entity, (changes, subject) => this.#claim(changes, subject, epoch))
  }

  async read(entity: EntityId): Promise<StoredRecord | null> {
    checkEntityId(entity)
    this.#checkOpen('read')
    const key = entityKey(entity)
    const found = this.#records.find(key)
    if (found === undefined) return null
    const bytes = this.#records.stateOf(key, found)
    const { epoch, version } = found.head
    return bytes === null ? null : { entity, epoch, version, bytes }
  }

  async write(entity: EntityId, guard: Guard, write: Write): Promise<bigint> {
    checkEntityId(entity)
    checkGuard(guard)
    checkWrite(entity, write)
    return this.#change(entity, (changes, subject) => this.#write(changes, subject, guard, write))
  }

  async remove(entity: EntityId, guard: Guard): Promise<bigint> {
    checkEntityId(entity)
    checkGuard(guard)
    return this.#change(entity, (changes, subject) => this.#remove(changes, subject, guard))
  }

  async due(query: DueQuery): Promise<Task[]> {
    checkDueQuery(query)
    this.#checkOpen('look for tasks')
    return this.#tasks.due(query)
  }

  async scan(scan: Scan): Promise<ScanPage> {
    checkScan(scan)
    return pageOf(this.walk(scan), scan.limit)
  }

  /** The rows of a walk, to be merged with those of other shards. What it reads is of one moment as long as nothing is awaited. */
  walk(scan: Scan): Iterable<WalkedRow> {
    this.#checkOpen('scan')
    return walk(this.#walkSource, scan)
  }

  async indexes(type?: string): Promise<IndexStatus[]> {
    this.#checkOpen('list indexes')
    return this.#catalog.list(type)
  }

  async setIndex(status: IndexStatus): Promise<void> {
    checkIndexStatus(status)
    await this.#changeCatalog((changes) => this.#catalog.set(changes, status))
  }

  async dropIndex(type: string, index: string): Promise<void> {
    checkIndexName(type, index)
    await this.#changeCatalog((changes) => this.#catalog.drop(changes, type, index))
  }

  async reindex(
    entity: EntityId,
    version: bigint,
    indexes: readonly IndexEntry[],
  ): Promise<boolean> {
    checkEntityId(entity)
    checkGuard({ epoch: 0n, version })
    checkIndexEntries(indexes)
    return this.#change(entity, (changes, subject) =>
      this.#reindex(changes, subject, { version, indexes }),
    )
  }

  /** Copies of all records that were found damaged, for whoever repairs them. */
  quarantined(): QuarantinedRecord[] {
    this.#checkOpen('list what is damaged')
    return this.#quarantine.list()
  }

  /**
   * Takes a damaged record away, so that its entity may begin anew; the copy stays. A record that is whole is left alone.
   * @returns whether there was a damaged one
   */
  async discardDamaged(entity: EntityId): Promise<boolean> {
    checkEntityId(entity)
    return this.#change(entity, (changes, subject) => this.#discard(changes, subject))
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#commits.close()
    await this.#environment.close()
  }

  #claim(changes: Changes, { key, name }: Subject, epoch: bigint): Outcome<Claimed> {
    const found = this.#records.find(key)
    if (found === undefined) return { answer: { version: 0n, bytes: null } }
    const { head } = found
    if (head.epoch > epoch) {
      throw epochError('claim', name, { asked: epoch, stored: head.epoch })
    }
    const answer = { version: head.version, bytes: this.#records.stateOf(key, found) }
    if (head.epoch === epoch) return { answer, head }
    return { answer, head: this.#records.reseal(changes, key, found, { ...head, epoch }) }
  }

  #write(changes: Changes, subject: Subject, guard: Guard, write: Write): Outcome<bigint> {
    const { key, name, entity } = subject
    const before = this.#records.guarded(key, name, guard)
    const stored = before?.indexes ?? []
    const indexes =
      write.indexes === undefined
        ? stored
        : this.#catalog.replaceEntries(changes, entity, { before: stored, next: write.indexes })
    const hasNewTasks = write.tasks?.some(({ kind }) => kind === 'set') ?? false
    const hasTasks = hasNewTasks || (before?.hasTasks ?? false)
    const handleDone =
      write.tasks === undefined ? undefined : this.#tasks.change(changes, subject, write.tasks)
    const version = guard.version + 1n
    const next = { epoch: guard.epoch, version, hasTasks, indexes }
    const head = this.#records.replace(changes, key, { before, next, bytes: write.bytes })
    return { answer: version, head, handleDone }
  }

  #remove(changes: Changes, subject: Subject, guard: Guard): Outcome<bigint> {
    const { key, name, entity } = subject
    const before = this.#records.guarded(key, name, guard)
    if (before === undefined) return { answer: 0n }
    this.#catalog.replaceEntries(changes, entity, { before: before.indexes, next: [] })
    if (before.hasTasks) this.#tasks.removeAll(changes, subject)
    const version = guard.version + 1n
    const next = { epoch: guard.epoch, version, hasTasks: false, indexes: [] }
    const head = this.#records.replace(changes, key, { before, next, bytes: null })
    return { answer: version, head }
  }

  #reindex(
    changes: Changes,
    { key, entity }: Subject,
    { version, indexes }: { version: bigint; indexes: readonly IndexEntry[] },
  ): Outcome<boolean> {
    const found = this.#records.find(key)
    if (found === undefined || found.state === null || found.head.version !== version) {
      return { answer: false }
    }
    const { head } = found
    const stored = this.#catalog.replaceEntries(changes, entity, {
      before: head.indexes,
      next: indexes,
    })
    const next = { ...head, indexes: stored }
    return { answer: true, head: this.#records.reseal(changes, key, found, next) }
  }

  #discard(changes: Changes, subject: Subject): Outcome<boolean> {
    const { key } = subject
    try {
      const found = this.#records.find(key)
      if (found !== undefined) this.#records.stateOf(key, found)
      return { answer: false }
    } catch (error) {
      throwUnlessDamaged(error)
    }
    this.#tasks.removeAll(changes, subject)
    changes.remove(this.#environment.tables.records, key)
    changes.remove(this.#environment.tables.states, key)
    return { answer: true, handleDone: () => this.#records.forget(subject.name) }
  }

  #change<T>(
    entity: EntityId,
    prepare: (changes: Changes, subject: Subject) => Outcome<T>,
  ): Promise<T> {
    this.#checkOpen('write')
    const name = formatEntityId(entity)
    const key = entityKey(entity)
    const subject = { entity, name, key, partition: partitionOfKey(key) }
    return new Promise<T>((resolve, reject) => {
      let outcome: Outcome<T> | undefined
      this.#commits.add({
        subject: name,
        prepare: (changes) => {
          outcome = prepare(changes, subject)
        },
        handleDone: () => {
          const { answer, head, handleDone } = outcome as Outcome<T>
          if (head !== undefined) this.#records.remember(name, head)
          handleDone?.()
          resolve(answer)
        },
        handleFailed: reject,
      })
    })
  }

  async #changeCatalog(prepare: (changes: Changes) => () => void): Promise<void> {
    this.#checkOpen('change an index')
    await new Promise<void>((resolve, reject) => {
      let handleDone: () => void
      this.#commits.add({
        subject: 'catalog',
        isAlone: true,
        prepare: (changes) => {
          handleDone = prepare(changes)
        },
        handleDone: () => {
          handleDone()
          resolve()
        },
        handleFailed: reject,
      })
    })
    this.#sweep()
  }

  /** Sweeps what dropped indexes left behind, a commit after the other, as long as there is any. */
  #sweep(): void {
    let hasMore = false
    this.#commits.add({
      subject: 'sweep',
      prepare: (changes) => {
        hasMore = this.#catalog.sweep(changes)
      },
      handleDone: () => {
        if (hasMore && this.#closing === undefined) this.#sweep()
      },
      // It is begun again when the shard is opened the next time, or another index is dropped.
      handleFailed: () => undefined,
    })
  }

  #removeStray(stray: StrayTask): void {
    this.#commits.add({
      subject: `stray ${stray.key.toString('latin1')}`,
      prepare: (changes) => this.#tasks.removeStray(changes, stray),
      handleDone: () => undefined,
      // The next question for tasks meets it again.
      handleFailed: () => undefined,
    })
  }

  #checkOpen(what: string): void {
    if (this.#closing === undefined) return
    throw new EpicError('Unavailable', `Cannot ${what}: ${this.#environment.path} is closed`)
  }
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

/** A damaged record was set aside already; anything else is a fault. */
function throwUnlessDamaged(error: unknown): void {
  if (error instanceof EpicError && error.code === 'CorruptRecord') return
  throw error
}
