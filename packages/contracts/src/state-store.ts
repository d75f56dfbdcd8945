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
 */
import type { EntityId } from './entity-id.ts'

/** What a claim found: version 0 with no bytes means that the entity was never saved. */
export interface Claimed {
  readonly version: bigint
  readonly bytes: Uint8Array | null
}

/** What a writer must hold for its write to be accepted. */
export interface Guard {
  readonly epoch: bigint
  readonly version: bigint
}

/** One entry of a declared index: the index's name and a key whose byte order is the values' order. */
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
  | { readonly kind: 'set'; readonly key: string; readonly dueMs: number; readonly body: Uint8Array }
  | { readonly kind: 'clear'; readonly key: string }

/** All that one commit changes of one entity. What is left out stays as it is. */
export interface Write {
  /** The state with all that must be saved with it; left out when only tasks or indexes change. */
  readonly bytes?: Uint8Array
  /** The complete set of the entity's index entries; the provider drops those of before. */
  readonly indexes?: readonly IndexEntry[]
  readonly tasks?: readonly TaskChange[]
}

/** A saved entity, as read without claiming it. */
export interface StoredRecord {
  readonly entity: EntityId
  readonly epoch: bigint
  readonly version: bigint
  readonly bytes: Uint8Array
}

/** Which tasks are asked for: those of the given partitions that are due before an instant, earliest first. */
export interface DueQuery {
  readonly partitions: ReadonlySet<number>
  readonly beforeMs: number
  readonly limit: number
}

/** A walk over saved entities of one type: in the order of an index, or of ids where no index is named. */
export interface Scan {
  readonly type: string
  readonly index?: string
  /** First key, included. */
  readonly from?: Uint8Array
  /** Last key, excluded. */
  readonly to?: Uint8Array
  readonly reverse?: boolean
  readonly limit: number
  /** The `next` of the page before. */
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
  /** Reads without claiming, for inspection. */
  read(entity: EntityId): Promise<StoredRecord | null>
  /** Makes `write` durable and returns the new version. */
  write(entity: EntityId, guard: Guard, write: Write): Promise<bigint>
  /** Deletes the entity with its tasks and index entries. Its epoch is kept, so that a stale writer cannot revive it. */
  remove(entity: EntityId, guard: Guard): Promise<void>
  due(query: DueQuery): Promise<Task[]>
  scan(scan: Scan): Promise<ScanPage>
  /** All known indexes of a type, or of all types. */
  indexes(type?: string): Promise<IndexStatus[]>
  /** Announces an index or its completion; dropping one removes its entries. */
  setIndex(status: IndexStatus): Promise<void>
  dropIndex(type: string, index: string): Promise<void>
  /** Adds an old record's index entries while an index is built; a record that has changed since `version` is left alone. */
  reindex(entity: EntityId, version: bigint, indexes: readonly IndexEntry[]): Promise<boolean>
  /** Resolves when all that was written is durable, then releases everything. */
  close(): Promise<void>
}
