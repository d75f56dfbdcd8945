/**
 * The rules of the port in the plainest form: what the model-based cases hold every provider against. It knows nothing of disks,
 * commits or order of arrival; each request is done when it is made.
 */
import { EpicError, formatEntityId } from '@epicserver/contracts'
import type {
  Claimed,
  EntityId,
  Guard,
  IndexEntry,
  IndexStatus,
  ScanRow,
  StoredRecord,
  Task,
  TaskChange,
  Write,
} from '@epicserver/contracts'

interface NaiveRecord {
  epoch: bigint
  version: bigint
  bytes: Uint8Array | null
  indexes: readonly IndexEntry[]
  tasks: Map<string, Task>
}

export class NaiveStore {
  readonly #records = new Map<string, { entity: EntityId; record: NaiveRecord }>()
  readonly #indexes = new Map<string, IndexStatus>()

  /** The version that a writer must hold. */
  versionOf(entity: EntityId): bigint {
    return this.#recordOf(entity)?.version ?? 0n
  }

  claim(entity: EntityId, epoch: bigint): Claimed {
    const record = this.#recordOf(entity)
    if (record === undefined) return { version: 0n, bytes: null }
    if (record.epoch > epoch) throw fenced(entity)
    record.epoch = epoch
    return { version: record.version, bytes: record.bytes }
  }

  write(entity: EntityId, guard: Guard, write: Write): bigint {
    const record = this.#guarded(entity, guard) ?? this.#newRecord(entity)
    record.epoch = guard.epoch
    record.version = guard.version + 1n
    if (write.bytes !== undefined) record.bytes = write.bytes
    if (write.indexes !== undefined) record.indexes = write.indexes
    for (const change of write.tasks ?? []) changeTask(entity, record.tasks, change)
    return record.version
  }

  remove(entity: EntityId, guard: Guard): bigint {
    const record = this.#guarded(entity, guard)
    if (record === undefined) return 0n
    Object.assign(record, { bytes: null, indexes: [], tasks: new Map<string, Task>() })
    record.epoch = guard.epoch
    record.version = guard.version + 1n
    return record.version
  }

  reindex(entity: EntityId, version: bigint, indexes: readonly IndexEntry[]): boolean {
    const record = this.#recordOf(entity)
    if (record === undefined || record.bytes === null || record.version !== version) return false
    record.indexes = indexes
    return true
  }

  setIndex(status: IndexStatus): void {
    const name = nameOf(status.type, status.index)
    const known = this.#indexes.get(name)
    const isOther = known !== undefined && known.definition !== status.definition
    if (isOther) this.#dropEntries(status.type, status.index)
    this.#indexes.set(name, status)
  }

  dropIndex(type: string, index: string): void {
    this.#indexes.delete(nameOf(type, index))
    this.#dropEntries(type, index)
  }

  get indexes(): IndexStatus[] {
    return [...this.#indexes.values()].toSorted((a, b) =>
      compareTexts(nameOf(a.type, a.index), nameOf(b.type, b.index)),
    )
  }

  get tasks(): Task[] {
    return [...this.#records.values()].flatMap(({ record }) => [...record.tasks.values()])
  }

  /** What is saved of an entity. */
  read(entity: EntityId): StoredRecord | null {
    const { epoch, version, bytes = null } = this.#recordOf(entity) ?? {}
    if (epoch === undefined || version === undefined || bytes === null) return null
    return { entity, epoch, version, bytes }
  }

  /** All rows of a walk, lowest first. */
  rows(type: string, index: string | undefined): ScanRow[] {
    const rows: ScanRow[] = []
    for (const { entity, record } of this.#records.values()) {
      const { epoch, version, bytes } = record
      if (entity.type !== type || bytes === null) continue
      const row = { entity, epoch, version, bytes }
      if (index === undefined) rows.push({ ...row, key: new Uint8Array() })
      else for (const key of keysOf(record, index)) rows.push({ ...row, key })
    }
    return rows.toSorted((a, b) => Buffer.compare(a.key, b.key) || compareIds(a.entity, b.entity))
  }

  #recordOf(entity: EntityId): NaiveRecord | undefined {
    return this.#records.get(formatEntityId(entity))?.record
  }

  #newRecord(entity: EntityId): NaiveRecord {
    const tasks = new Map<string, Task>()
    const record: NaiveRecord = { epoch: 0n, version: 0n, bytes: null, indexes: [], tasks }
    this.#records.set(formatEntityId(entity), { entity, record })
    return record
  }

  #guarded(entity: EntityId, guard: Guard): NaiveRecord | undefined {
    const record = this.#recordOf(entity)
    const { epoch, version } = record ?? { epoch: 0n, version: 0n }
    if (epoch > guard.epoch || version !== guard.version) throw fenced(entity)
    return record
  }

  #dropEntries(type: string, index: string): void {
    for (const { entity, record } of this.#records.values()) {
      if (entity.type !== type) continue
      record.indexes = record.indexes.filter((entry) => entry.index !== index)
    }
  }
}

function changeTask(entity: EntityId, tasks: Map<string, Task>, change: TaskChange): void {
  if (change.kind === 'clear') tasks.delete(change.key)
  else {
    const { key, dueMs, body } = change
    tasks.set(key, { entity, key, dueMs, body })
  }
}

/** An entity's keys in an index, each once. */
function keysOf(record: NaiveRecord, index: string): Uint8Array[] {
  const entries = record.indexes.filter((entry) => entry.index === index)
  return [...new Map(entries.map(({ key }) => [key.join(), key])).values()]
}

function fenced(entity: EntityId): EpicError {
  return new EpicError('Fenced', `Cannot touch "${formatEntityId(entity)}"`)
}

function nameOf(type: string, index: string): string {
  return `${type}\0${index}`
}

function compareTexts(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function compareIds(a: EntityId, b: EntityId): number {
  return compareTexts(a.id, b.id)
}
