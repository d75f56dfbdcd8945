/**
 * The port behind which entities are saved. A provider stores bytes; what they mean is the runtime's matter.
 *
 * Two rules make a stale writer harmless whatever the clocks do: a write is refused unless the stored epoch is not above the
 * writer's, and unless the stored version is the one that the writer last saw. Everything in one `Write` becomes durable
 * together or not at all, before the promise resolves.
 *
 * Errors are `EpicError`s. `Fenced`: a newer epoch or another version is stored; nothing was written. `Unavailable`,
 * `StoreFull`, `StoreReadOnly`: certainly not applied. `Unknown`: may be applied; claim again before trusting memory.
 * `CorruptRecord`: this one record is set aside; others are unaffected.
 *
 * A provider groups the writes that are waiting into one commit: thousands of callers may be inside `write` at once.
 *
 * Requests for one entity take effect in the order in which they are made, so a writer need not wait for one answer before the
 * next write.
 *
 * Buffers that are handed over must not change until the promise settles. A store changes none of them, keeps none after that, and gives
 * out none that it still uses.
 *
 * Order is that of bytes everywhere: of an index entry's key, and of an id in UTF-8 (which is not the order of JavaScript's
 * strings). What may be asked at all is said by `state-request.ts`; every provider calls it, so that all refuse the same.
 */
import type { EntityId } from './entity-id.ts'

/** What a claim found. No bytes: no state is saved, never at version 0, not any more or not yet above it. */
export interface Claimed {
  readonly version: bigint
  readonly bytes: Uint8Array | null
}

/** What a writer must hold for its write to be accepted. */
export interface Guard {
  readonly epoch: bigint
  readonly version: bigint
}

/**
 * One entry of a declared index: the index's name and a key whose byte order is the values' order. An entity may have several
 * entries in one index, and is met once for each; two that are equal are one.
 */
export interface IndexEntry {
  readonly index: string
  readonly key: Uint8Array
}

/** A durable task of an entity: when it is due, and an opaque body that says what to do then. */
export interface Task {
  readonly entity: EntityId
  readonly key: string
  readonly dueMs: number
  readonly body: Uint8Array
}

/** A change of one task, part of a {@link Write}. */
export type TaskChange =
  | {
      readonly kind: 'set'
      readonly key: string
      readonly dueMs: number
      readonly body: Uint8Array
    }
  | { readonly kind: 'clear'; readonly key: string }

/** All that one commit changes of one entity. What is left out stays as it is. */
export interface Write {
  /** The state with all that must be saved with it; left out when only tasks or indexes change. */
  readonly bytes?: Uint8Array
  /** The complete set of the entity's index entries; the provider drops those of before. */
  readonly indexes?: readonly IndexEntry[]
  /** Done in this order. Setting a task that is there replaces it; clearing one that is not there is no error. */
  readonly tasks?: readonly TaskChange[]
}

/**
 * A write whose outcome is told instead of promised, all in one object. Thousands are made in one turn of the event loop, and their
 * promises would cost more than the writes.
 */
export interface WriteRequest extends EntityId, Guard {
  readonly write: Write
  /** It is durable, as this version. Must not throw. */
  handleWritten(version: bigint): void
  /** Gets what `write` would be rejected with. Must not throw. */
  handleFailed(error: unknown): void
}

/** A saved entity, as read without claiming it. */
export interface StoredRecord {
  readonly entity: EntityId
  readonly epoch: bigint
  readonly version: bigint
  readonly bytes: Uint8Array
}

/**
 * Which tasks are asked for: those of the given partitions with `dueMs` below `beforeMs`, earliest first; those of one instant in
 * any order. Asking does not take a task away: whoever has done it clears or sets it anew.
 */
export interface DueQuery {
  readonly partitions: ReadonlySet<number>
  readonly beforeMs: number
  readonly limit: number
}

/**
 * A walk over the saved entities of one type: in the order of an index, those of one key by id, or in the order of ids where no
 * index is named. An entity without state is not met. A walk goes on where the page before ended, whatever has changed since: a
 * row that was there all the time, unchanged, is met exactly once; another once, or not at all.
 */
export interface Scan {
  readonly type: string
  readonly index?: string
  /** Lowest key, included: of the index, or an id in UTF-8. */
  readonly from?: Uint8Array
  /** Highest key, excluded. */
  readonly to?: Uint8Array
  /** From the highest to the lowest; `from` and `to` mean what they always mean. */
  readonly reverse?: boolean
  readonly limit: number
  /** The `next` of the page before, of the same walk. */
  readonly after?: Uint8Array
  readonly partitions?: ReadonlySet<number>
}

/** A part of a walk. `next` is `null` at its end. */
export interface ScanPage {
  readonly rows: readonly ScanRow[]
  readonly next: Uint8Array | null
}

/** A saved entity met on a walk; `key` is its key in the walked index, empty without one. */
export interface ScanRow extends StoredRecord {
  readonly key: Uint8Array
}

/** How far a declared index is: `building` indexes are kept up to date by writes but not yet complete. */
export interface IndexStatus {
  readonly type: string
  readonly index: string
  /** What the index is made from, as text; another definition under the same name is another index. */
  readonly definition: string
  readonly status: 'building' | 'ready'
}

/** Where entities are saved. One conformance suite runs against every provider. */
export interface StateStore {
  /**
   * Raises the stored epoch and reads the state, atomically. An id without a record has nothing to raise: nothing is
   * written, and the first write's version guard decides between rivals.
   * @throws EpicError `Fenced` when the stored epoch is higher.
   */
  claim(entity: EntityId, epoch: bigint): Promise<Claimed>
  /** Reads the saved state without claiming it, for inspection; `null` where there is none. */
  read(entity: EntityId): Promise<StoredRecord | null>
  /**
   * Makes `write` durable and returns the new version, one above the guard's. A guard above the stored epoch raises it.
   * @throws EpicError `Fenced` when the stored epoch is higher, or the stored version another.
   */
  write(entity: EntityId, guard: Guard, write: Write): Promise<bigint>
  /**
   * The same as `write`, in one order with it, for whoever makes very many. A provider whose writes take a network's time has no
   * use for it and leaves it out. It throws nothing, and answers no request before it has returned.
   */
  startWrite?(request: WriteRequest): void
  /**
   * Deletes the state with its tasks and index entries, and returns the version from which a next write goes on. Epoch and
   * version are kept, so that a stale writer cannot revive what was deleted; where nothing was ever saved, nothing is kept.
   * @throws EpicError `Fenced` as `write` does.
   */
  remove(entity: EntityId, guard: Guard): Promise<bigint>
  due(query: DueQuery): Promise<Task[]>
  scan(scan: Scan): Promise<ScanPage>
  /** All announced indexes of a type, or of all types, by type and name. */
  indexes(type?: string): Promise<IndexStatus[]>
  /**
   * Announces an index, or its completion. Another definition than the known one drops the entries made for that. Entries of an
   * index that nobody announced are kept all the same: a writer may be ahead of the announcement.
   */
  setIndex(status: IndexStatus): Promise<void>
  /** Forgets an index and removes its entries. */
  dropIndex(type: string, index: string): Promise<void>
  /**
   * Gives an old record its complete set of index entries while an index is built. Says `false`, and leaves the record alone,
   * when it is gone or has changed since `version`.
   */
  reindex(entity: EntityId, version: bigint, indexes: readonly IndexEntry[]): Promise<boolean>
  /** Resolves when all that was written is durable, then releases everything. What is asked later is `Unavailable`. */
  close(): Promise<void>
}
