/**
 * What a state store in memory has written for good. It outlives the stores that are opened on it, as a disk outlives processes:
 * a store keeps what is waiting, the disk what is durable, and a crash drops the one and not the other.
 *
 * Every method is one commit: it applies all of a request or, when it throws, nothing. The disk reads no clock and holds no
 * promise, so whoever simulates a machine decides when a commit happens. It keeps the buffers that it is given, and gives copies.
 *
 * Several stores may share a disk. One that gives an owner number is fenced off by a store that gives a higher one, as the
 * writing processes of an embedded store are.
 */
import { EpicError, formatEntityId, formatEpoch, partitionOf } from '@epicserver/contracts'
import type {
  Claimed,
  DueQuery,
  EntityId,
  Guard,
  IndexEntry,
  IndexStatus,
  Scan,
  ScanPage,
  StoredRecord,
  Task,
  TaskChange,
  Write,
} from '@epicserver/contracts'
import { RowList } from './row-list.ts'
import type { ListedRow } from './row-list.ts'
import { comparePlaces, idBytes } from './row-place.ts'
import type { RowPlace } from './row-place.ts'
import { SortedList } from './sorted-list.ts'

interface MemoryRecord {
  readonly entity: EntityId
  readonly partition: number
  readonly id: Uint8Array
  epoch: bigint
  version: bigint
  bytes: Uint8Array | null
  indexes: readonly IndexEntry[]
  readonly tasks: Map<string, PlacedTask>
}

/** The number tells tasks of one instant apart, and keeps them in the order in which they were set. */
interface PlacedTask extends Task {
  readonly partition: number
  readonly number: number
}

const NO_KEY = new Uint8Array()

export class MemoryDisk {
  readonly #records = new Map<string, MemoryRecord>()
  readonly #tasks = new SortedList<PlacedTask>((a, b) => a.dueMs - b.dueMs || a.number - b.number)
  /** Rows by type, and by type and index: what walks walk. */
  readonly #rows = new Map<string, RowList<MemoryRecord>>()
  readonly #statuses = new Map<string, IndexStatus>()
  #taskCount = 0
  #owner = 0

  /** How many records there are, those of removed entities included. */
  get size(): number {
    return this.#records.size
  }

  /**
   * Makes `owner` the only one that may write.
   * @throws EpicError `Fenced` when a higher number was given before.
   */
  own(owner: number): void {
    this.checkOwner(owner)
    this.#owner = owner
  }

  /** @throws EpicError `Fenced` when a higher number than `owner` was given. */
  checkOwner(owner: number): void {
    if (owner >= this.#owner) return
    throw new EpicError(
      'Fenced',
      `Cannot write as owner ${owner}: owner ${this.#owner} has the store`,
    )
  }

  claim(entity: EntityId, epoch: bigint): Claimed {
    const record = this.#recordOf(entity)
    if (record === undefined) return { version: 0n, bytes: null }
    if (record.epoch > epoch) throw fencedByEpoch('claim', record, epoch)
    record.epoch = epoch
    return { version: record.version, bytes: record.bytes?.slice() ?? null }
  }

  read(entity: EntityId): StoredRecord | null {
    const record = this.#recordOf(entity)
    return record === undefined ? null : storedRecord(record)
  }

  write(entity: EntityId, guard: Guard, write: Write): bigint {
    const record = this.#guarded(entity, guard) ?? this.#newRecord(entity)
    const { bytes = record.bytes, indexes = record.indexes } = write
    this.#setRows(record, { bytes, indexes })
    for (const change of write.tasks ?? []) this.#changeTask(record, change)
    return advance(record, guard)
  }

  remove(entity: EntityId, guard: Guard): bigint {
    const record = this.#guarded(entity, guard)
    if (record === undefined) return 0n
    this.#setRows(record, { bytes: null, indexes: [] })
    for (const task of record.tasks.values()) this.#tasks.delete(task)
    record.tasks.clear()
    return advance(record, guard)
  }

  due({ partitions, beforeMs, limit }: DueQuery): Task[] {
    const tasks: Task[] = []
    for (const { partition, entity, key, dueMs, body } of this.#tasks.items) {
      if (dueMs >= beforeMs || tasks.length === limit) break
      if (partitions.has(partition)) tasks.push({ entity, key, dueMs, body: body.slice() })
    }
    return tasks
  }

  scan(scan: Scan): ScanPage {
    const list = this.#rows.get(listName(scan.type, scan.index))
    if (list === undefined) return { rows: [], next: null }
    const found = list.page(scan, ({ partition, bytes }) => {
      return bytes !== null && (scan.partitions?.has(partition) ?? true)
    })
    const rows = found.rows.map(({ key, of }) => ({
      ...(storedRecord(of) as StoredRecord),
      key: key.slice(),
    }))
    return { rows, next: found.next }
  }

  indexes(type: string | undefined): IndexStatus[] {
    const statuses = [...this.#statuses.values()].filter(
      (status) => type === undefined || status.type === type,
    )
    return statuses.toSorted((a, b) => comparePlaces(statusPlace(a), statusPlace(b)))
  }

  setIndex(status: IndexStatus): void {
    const name = listName(status.type, status.index)
    const known = this.#statuses.get(name)
    const isOther = known !== undefined && known.definition !== status.definition
    if (isOther) this.#dropEntries(status.type, status.index)
    this.#statuses.set(name, { ...status })
  }

  dropIndex(type: string, index: string): void {
    this.#statuses.delete(listName(type, index))
    this.#dropEntries(type, index)
  }

  reindex(entity: EntityId, version: bigint, indexes: readonly IndexEntry[]): boolean {
    const record = this.#recordOf(entity)
    if (record === undefined || record.bytes === null || record.version !== version) return false
    this.#setRows(record, { bytes: record.bytes, indexes })
    return true
  }

  #recordOf(entity: EntityId): MemoryRecord | undefined {
    return this.#records.get(formatEntityId(entity))
  }

  #newRecord({ type, id }: EntityId): MemoryRecord {
    const record: MemoryRecord = {
      entity: { type, id },
      partition: partitionOf(type, id),
      id: idBytes(id),
      epoch: 0n,
      version: 0n,
      bytes: null,
      indexes: [],
      tasks: new Map(),
    }
    this.#records.set(formatEntityId(record.entity), record)
    return record
  }

  #guarded(entity: EntityId, guard: Guard): MemoryRecord | undefined {
    const record = this.#recordOf(entity)
    if (record !== undefined && record.epoch > guard.epoch) {
      throw fencedByEpoch('write', record, guard.epoch)
    }
    const stored = record?.version ?? 0n
    if (stored === guard.version) return record
    throw new EpicError(
      'Fenced',
      `Cannot write "${formatEntityId(entity)}" from version ${guard.version}: version ${stored} is stored`,
    )
  }

  #setRows(record: MemoryRecord, next: Pick<MemoryRecord, 'bytes' | 'indexes'>): void {
    for (const { index, key } of record.indexes) this.#list(record, index).delete(row(record, key))
    for (const { index, key } of next.indexes) this.#list(record, index).add(row(record, key))
    const all = this.#list(record, undefined)
    if (next.bytes === null) all.delete(row(record, NO_KEY))
    else all.add(row(record, NO_KEY))
    record.bytes = next.bytes
    record.indexes = next.indexes
  }

  #list({ entity }: MemoryRecord, index: string | undefined): RowList<MemoryRecord> {
    const name = listName(entity.type, index)
    const known = this.#rows.get(name)
    if (known !== undefined) return known
    const list = new RowList<MemoryRecord>(index !== undefined)
    this.#rows.set(name, list)
    return list
  }

  #changeTask(record: MemoryRecord, change: TaskChange): void {
    const old = record.tasks.get(change.key)
    if (old !== undefined) this.#tasks.delete(old)
    record.tasks.delete(change.key)
    if (change.kind === 'clear') return
    this.#taskCount += 1
    const { key, dueMs, body } = change
    const { entity, partition } = record
    const task: PlacedTask = { entity, key, dueMs, body, partition, number: this.#taskCount }
    record.tasks.set(key, task)
    this.#tasks.add(task)
  }

  #dropEntries(type: string, index: string): void {
    const name = listName(type, index)
    for (const { of } of this.#rows.get(name)?.items ?? []) {
      of.indexes = of.indexes.filter((entry) => entry.index !== index)
    }
    this.#rows.delete(name)
  }
}

function statusPlace({ type, index }: IndexStatus): RowPlace {
  return { key: idBytes(type), id: idBytes(index) }
}

function listName(type: string, index: string | undefined): string {
  return index === undefined ? type : `${type}\0${index}`
}

function row(record: MemoryRecord, key: Uint8Array): ListedRow<MemoryRecord> {
  return { key, id: record.id, of: record }
}

function storedRecord({ entity, epoch, version, bytes }: MemoryRecord): StoredRecord | null {
  return bytes === null ? null : { entity, epoch, version, bytes: bytes.slice() }
}

function advance(record: MemoryRecord, { epoch, version }: Guard): bigint {
  record.epoch = epoch
  record.version = version + 1n
  return record.version
}

function fencedByEpoch(what: string, { entity, epoch }: MemoryRecord, asked: bigint): EpicError {
  return new EpicError(
    'Fenced',
    `Cannot ${what} "${formatEntityId(entity)}" at epoch ${formatEpoch(asked)}: epoch ${formatEpoch(epoch)} is stored`,
  )
}
