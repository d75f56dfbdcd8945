/**
 * The shards that this process owns at the moment, as one store.
 *
 * A request goes to the shard of its entity; where that is not owned here it is `Unavailable`, which is safe to repeat elsewhere. Walks
 * and questions for tasks are merged in order. What was asked of a shard before it was taken away is still answered by it.
 *
 * An index is ready when it is ready in every shard that is here.
 */
import { checkDueQuery, checkScan, EpicError, partitionOf } from '@epicserver/contracts'
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
import { pageOf } from './lmdb-state-store.ts'
import type { LmdbStateStore } from './lmdb-state-store.ts'
import { mergeInOrder } from './merge.ts'
import { comparePlaces } from './walk.ts'

/**
 * Spreads entities over the shards of a data folder.
 * @example
 * const store = new ShardedStateStore(folder.shardCount)
 * store.addShard(3, await folder.openShard(3, owner))
 */
export class ShardedStateStore implements StateStore {
  readonly #shardCount: number
  readonly #shards = new Map<number, LmdbStateStore>()
  #isClosed = false

  constructor(shardCount: number) {
    this.#shardCount = shardCount
  }

  /** The numbers of the shards that are here, lowest first. */
  get shards(): number[] {
    return [...this.#shards.keys()].toSorted((a, b) => a - b)
  }

  /** Serves a shard from now on. The store closes it when it is closed itself. */
  addShard(shard: number, store: LmdbStateStore): void {
    if (this.#isClosed) throw this.#unavailable('serve', shard)
    this.#shards.set(shard, store)
  }

  /** Serves a shard no more, and gives it back to be closed; nothing, where it was not here. */
  removeShard(shard: number): LmdbStateStore | undefined {
    const store = this.#shards.get(shard)
    this.#shards.delete(shard)
    return store
  }

  claim(entity: EntityId, epoch: bigint): Promise<Claimed> {
    return this.#on(entity, (store) => store.claim(entity, epoch))
  }

  read(entity: EntityId): Promise<StoredRecord | null> {
    return this.#on(entity, (store) => store.read(entity))
  }

  write(entity: EntityId, guard: Guard, write: Write): Promise<bigint> {
    return this.#on(entity, (store) => store.write(entity, guard, write))
  }

  startWrite(request: WriteRequest): void {
    const shard = partitionOf(request.type, request.id) % this.#shardCount
    const store = this.#shards.get(shard)
    if (store !== undefined) store.startWrite(request)
    else queueMicrotask(() => request.handleFailed(this.#unavailable('reach', shard)))
  }

  remove(entity: EntityId, guard: Guard): Promise<bigint> {
    return this.#on(entity, (store) => store.remove(entity, guard))
  }

  reindex(entity: EntityId, version: bigint, indexes: readonly IndexEntry[]): Promise<boolean> {
    return this.#on(entity, (store) => store.reindex(entity, version, indexes))
  }

  async due(query: DueQuery): Promise<Task[]> {
    checkDueQuery(query)
    const ask = async ([shard, partitions]: [number, Set<number>]): Promise<Task[]> =>
      this.#shard(shard).due({ ...query, partitions })
    const found = await Promise.all([...this.#byShard(query.partitions)].map(ask))
    const merged = found.flat().toSorted((a, b) => a.dueMs - b.dueMs)
    return merged.slice(0, query.limit)
  }

  async scan(scan: Scan): Promise<ScanPage> {
    checkScan(scan)
    const compare = comparePlaces(scan)
    const walks = this.#walksOf(scan)
    return pageOf(
      mergeInOrder(walks, (a, b) => compare(a.place, b.place)),
      scan.limit,
    )
  }

  async indexes(type?: string): Promise<IndexStatus[]> {
    const lists = await Promise.all(this.#all().map((store) => store.indexes(type)))
    return mergeStatuses(lists)
  }

  async setIndex(status: IndexStatus): Promise<void> {
    await Promise.all(this.#all().map((store) => store.setIndex(status)))
  }

  async dropIndex(type: string, index: string): Promise<void> {
    await Promise.all(this.#all().map((store) => store.dropIndex(type, index)))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#shards.values()].map((store) => store.close()))
  }

  #walksOf(scan: Scan): ReturnType<LmdbStateStore['walk']>[] {
    if (scan.partitions === undefined) return this.#all().map((store) => store.walk(scan))
    return [...this.#byShard(scan.partitions)].map(([shard, partitions]) =>
      this.#shard(shard).walk({ ...scan, partitions }),
    )
  }

  #byShard(partitions: ReadonlySet<number>): Map<number, Set<number>> {
    const byShard = new Map<number, Set<number>>()
    for (const partition of partitions) {
      const shard = partition % this.#shardCount
      const known = byShard.get(shard)
      if (known === undefined) byShard.set(shard, new Set([partition]))
      else known.add(partition)
    }
    return byShard
  }

  /** Not an async function, for the reason that `LmdbStateStore` gives. */
  #on<T>({ type, id }: EntityId, ask: (store: LmdbStateStore) => Promise<T>): Promise<T> {
    const shard = partitionOf(type, id) % this.#shardCount
    const store = this.#shards.get(shard)
    return store === undefined ? Promise.reject(this.#unavailable('reach', shard)) : ask(store)
  }

  #shard(shard: number): LmdbStateStore {
    const store = this.#shards.get(shard)
    if (store === undefined) throw this.#unavailable('reach', shard)
    return store
  }

  #all(): LmdbStateStore[] {
    if (this.#isClosed) throw this.#unavailable('reach', undefined)
    return this.shards.map((shard) => this.#shard(shard))
  }

  #unavailable(what: string, shard: number | undefined): EpicError {
    if (this.#isClosed) {
      return new EpicError('Unavailable', `Cannot ${what} the store: it is closed`)
    }
    const here = this.shards.join(', ') || 'none'
    return new EpicError(
      'Unavailable',
      `Cannot ${what} shard ${shard} of ${this.#shardCount}: this process has ${here}`,
      { details: { shard } },
    )
  }
}

/** An index that is not the same and ready everywhere is still being built. */
function mergeStatuses(lists: readonly (readonly IndexStatus[])[]): IndexStatus[] {
  const merged = new Map<string, { status: IndexStatus; isEverywhere: boolean; count: number }>()
  for (const status of lists.flat()) {
    const name = `${status.type}\0${status.index}`
    const known = merged.get(name)
    const isSame =
      known === undefined ||
      (known.status.definition === status.definition && known.status.status === status.status)
    const isEverywhere = isSame && (known?.isEverywhere ?? true)
    merged.set(name, { status, isEverywhere, count: (known?.count ?? 0) + 1 })
  }
  return [...merged.entries()]
    .toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([, { status, isEverywhere, count }]) =>
      isEverywhere && count === lists.length ? status : { ...status, status: 'building' },
    )
}
