/**
 * The state store on PostgreSQL: entities in one database, or spread over several by partition.
 *
 * Every node of a cluster uses the same databases at once; what keeps an entity from two writers is the guard that each write carries,
 * checked by the statement that writes. An entity is wholly in one database, so each request for one is one commit there; walks and
 * questions for tasks go to all databases that are concerned, and are merged. Which database holds which partition is fixed by their
 * number and order when they are made.
 */
import {
  checkDueQuery,
  checkEntityId,
  checkIndexName,
  checkIndexStatus,
  checkScan,
  EpicError,
  partitionOf,
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
import { checkSchemaName, encryptionOf } from '@epicserver/postgres-link'
import type { TlsOptions } from '@epicserver/postgres-link'
import { Database } from './database.ts'
import { ClaimJob, ReindexJob, RemoveJob, WriteJob } from './entity-jobs.ts'
import { REQUEST_MS_MAX, SLOW_MS, STATEMENT_MS_MAX, VALIDATE_AFTER_MS } from './limits.ts'
import { mergePages, mergeStatuses } from './merge.ts'
import { ShardStore } from './shard-store.ts'
import { Statistics } from './statistics.ts'
import type { SlowStatement, StatementFigures } from './statistics.ts'

/** What a {@link PostgresStateStore} is made of. */
export interface PostgresStateStoreOptions {
  /**
   * Where the databases are: `postgres://user:password@host:port/database`, several hosts of one separated by commas, of which the
   * primary is used. With several addresses partitions are spread over them; their number and order stay as they were first.
   */
  readonly addresses: readonly string[]
  /** Where in each database the tables are; one for each cluster. Made at the first use. */
  readonly schema: string
  readonly tls?: TlsOptions
  /** Lets an address lead to another machine without encryption; only on a network that nobody else can listen to. */
  readonly allowPlainText?: boolean
  /** For how long a request is tried; a change that was sent is waited for beyond that, as long as a statement may take. */
  readonly requestMs?: number
  /** How long a database may work on one statement. */
  readonly statementMs?: number
  /** How long a connection may be silent before it is tried anew. */
  readonly validateAfterMs?: number
  /** From when on a statement counts as slow. */
  readonly slowMs?: number
  /** Is told of each slow statement. */
  readonly onSlow?: (slow: SlowStatement) => void
}

interface Shard {
  readonly store: ShardStore
  readonly statistics: Statistics
}

/**
 * Keeps entities in PostgreSQL.
 * @example
 * const store = new PostgresStateStore({ addresses: ['postgres://epic@localhost/epic'], schema: 'state' })
 * await store.prepare() // says now, and not at the first call, that the database cannot be reached
 * const { version } = await store.claim({ type: 'Player', id: 'bob' }, 1n)
 */
export class PostgresStateStore implements StateStore {
  readonly #shards: readonly Shard[]
  #isClosed = false

  /** @throws EpicError `SettingsInvalid` */
  constructor(options: PostgresStateStoreOptions) {
    checkSchemaName(options.schema)
    if (options.addresses.length === 0) {
      throw new EpicError('SettingsInvalid', 'Cannot keep state: no address of a database is given')
    }
    this.#shards = options.addresses.map((_, shard) => openShard(options, shard))
  }

  /**
   * Reaches every database, and makes its schema where there is none. Without it the first request does.
   * @throws EpicError
   */
  async prepare(): Promise<void> {
    await Promise.all(this.#shards.map(({ store }) => store.prepare()))
  }

  /** What statements have cost since the store was opened. */
  get statistics(): StatementFigures[] {
    return this.#shards.flatMap(({ statistics }) => statistics.figures)
  }

  /** The latest slow statements, the oldest first. */
  get slowStatements(): SlowStatement[] {
    return this.#shards
      .flatMap(({ statistics }) => statistics.slow)
      .toSorted((a, b) => a.startedAt.getTime() - b.startedAt.getTime())
  }

  async claim(entity: EntityId, epoch: bigint): Promise<Claimed> {
    const job = new ClaimJob(entity, epoch)
    return this.#shardOf(job.partition).change(job)
  }

  async read(entity: EntityId): Promise<StoredRecord | null> {
    checkEntityId(entity)
    return this.#shardOf(partitionOf(entity.type, entity.id)).read(entity)
  }

  async write(entity: EntityId, guard: Guard, write: Write): Promise<bigint> {
    const job = new WriteJob(entity, guard, write)
    return this.#shardOf(job.partition).change(job)
  }

  async remove(entity: EntityId, guard: Guard): Promise<bigint> {
    const job = new RemoveJob(entity, guard)
    return this.#shardOf(job.partition).change(job)
  }

  async reindex(
    entity: EntityId,
    version: bigint,
    indexes: readonly IndexEntry[],
  ): Promise<boolean> {
    const job = new ReindexJob(entity, version, indexes)
    return this.#shardOf(job.partition).change(job)
  }

  async due(query: DueQuery): Promise<Task[]> {
    checkDueQuery(query)
    this.#assertOpen('look for tasks')
    const asked = this.#byShard(query.partitions)
    const found = await Promise.all(
      asked.map(([{ store }, partitions]) => store.due({ ...query, partitions })),
    )
    if (found.length === 1) return found[0] ?? []
    return found
      .flat()
      .toSorted((a, b) => a.dueMs - b.dueMs)
      .slice(0, query.limit)
  }

  async scan(scan: Scan): Promise<ScanPage> {
    checkScan(scan)
    this.#assertOpen('scan')
    const pages =
      scan.partitions === undefined
        ? this.#shards.map(({ store }) => store.walk(scan))
        : this.#byShard(scan.partitions).map(([{ store }, partitions]) =>
            store.walk({ ...scan, partitions }),
          )
    return mergePages(scan, await Promise.all(pages))
  }

  /**
   * The highest epoch that any record has, 0 without records: a cluster whose engine lost its data must begin above it. It looks at every
   * record, so it is for such days only.
   */
  async highestEpoch(): Promise<bigint> {
    this.#assertOpen('look for the highest epoch')
    const found = await Promise.all(this.#shards.map(({ store }) => store.highestEpoch()))
    return found.reduce((highest, epoch) => (epoch > highest ? epoch : highest), 0n)
  }

  async indexes(type?: string): Promise<IndexStatus[]> {
    this.#assertOpen('list indexes')
    return mergeStatuses(await Promise.all(this.#shards.map(({ store }) => store.indexes(type))))
  }

  async setIndex(status: IndexStatus): Promise<void> {
    checkIndexStatus(status)
    this.#assertOpen('announce an index')
    await Promise.all(this.#shards.map(({ store }) => store.setIndex(status)))
  }

  async dropIndex(type: string, index: string): Promise<void> {
    checkIndexName(type, index)
    this.#assertOpen('drop an index')
    await Promise.all(this.#shards.map(({ store }) => store.dropIndex(type, index)))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#shards.map(({ store }) => store.close()))
  }

  #shardOf(partition: number): ShardStore {
    return (this.#shards[partition % this.#shards.length] as Shard).store
  }

  /** The databases that hold some partitions, each with those that it holds. */
  #byShard(partitions: ReadonlySet<number>): [Shard, Set<number>][] {
    return this.#shards.flatMap((shard, number): [Shard, Set<number>][] => {
      const held = [...partitions].filter((one) => one % this.#shards.length === number)
      return held.length === 0 ? [] : [[shard, new Set(held)]]
    })
  }

  #assertOpen(attempt: string): void {
    if (!this.#isClosed) return
    throw new EpicError('Unavailable', `Cannot ${attempt}: the store is closed`)
  }
}

function openShard(options: PostgresStateStoreOptions, shard: number): Shard {
  const { schema, addresses, slowMs = SLOW_MS, onSlow = () => undefined } = options
  const address = addresses[shard] as string
  const statistics = new Statistics({ shard, slowMs, onSlow })
  const database = new Database({
    address,
    encryption: encryptionOf(address, options),
    schema,
    shard,
    shardCount: addresses.length,
    requestMs: options.requestMs ?? REQUEST_MS_MAX,
    statementMs: options.statementMs ?? STATEMENT_MS_MAX,
    validateAfterMs: options.validateAfterMs ?? VALIDATE_AFTER_MS,
    statistics,
  })
  return { store: new ShardStore(database, schema), statistics }
}
