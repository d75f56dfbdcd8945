/**
 * What may be asked of a state store: the rules of the port that no provider should invent for itself.
 *
 * The checks run before anything is queued, so a refused request has changed nothing. They guard what is written to disk for
 * good: two ids must never become one there, and a number must come back as it went in.
 */
import { entityIdProblem, formatEntityId, isTypeName, isWellFormed } from './entity-id.ts'
import type { EntityId } from './entity-id.ts'
import { EpicError } from './epic-error.ts'
import {
  INDEX_ENTRIES_MAX,
  INDEX_KEY_BYTES_MAX,
  KEY_UNITS_MAX,
  PARTITIONS,
  STATE_BYTES_MAX,
  TASK_BODY_BYTES_MAX,
} from './limits.ts'
import type {
  DueQuery,
  Guard,
  IndexEntry,
  IndexStatus,
  Scan,
  TaskChange,
  Write,
} from './state-store.ts'

/** Epochs and versions are kept in eight bytes. */
const UINT64_MAX = 0xffff_ffff_ffff_ffffn

/**
 * Refuses an identity that no provider could keep.
 * @throws EpicError `InvalidId`.
 */
export function checkEntityId(entity: EntityId): void {
  const problem = entityIdProblem(entity.type, entity.id)
  if (problem === undefined) return
  throw new EpicError('InvalidId', `Cannot use ${shown(entity.id)} as an entity: ${problem}`)
}

/**
 * Refuses an epoch or version outside of 64 bits.
 * @throws EpicError `SettingsInvalid`.
 */
export function checkGuard({ epoch, version }: Guard): void {
  checkUint64('epoch', epoch)
  checkUint64('version', version)
}

/**
 * Refuses a write that breaks a limit or names what cannot be named.
 * @throws EpicError `StateTooLarge`, `MessageTooLarge` for a task's body, `InvalidId` for a name, `SettingsInvalid` for an instant.
 */
export function checkWrite(entity: EntityId, write: Write): void {
  if (write.bytes !== undefined && write.bytes.byteLength > STATE_BYTES_MAX) {
    throw new EpicError(
      'StateTooLarge',
      `Cannot save ${shown(formatEntityId(entity))}: its state has ${write.bytes.byteLength} of at most ${STATE_BYTES_MAX} bytes`,
    )
  }
  if (write.indexes !== undefined) checkIndexEntries(write.indexes)
  if (write.tasks !== undefined) for (const change of write.tasks) checkTaskChange(change)
}

/**
 * Refuses index entries that are too many, too long or without a name.
 * @throws EpicError `InvalidId` for a name, `MessageTooLarge` for a limit.
 */
export function checkIndexEntries(entries: readonly IndexEntry[]): void {
  if (entries.length > INDEX_ENTRIES_MAX) {
    throw tooLarge(
      `index an entity: it has ${entries.length} of at most ${INDEX_ENTRIES_MAX} entries`,
    )
  }
  for (const { index, key } of entries) {
    checkName('index', index)
    if (key.byteLength > INDEX_KEY_BYTES_MAX) {
      throw tooLarge(
        `index an entity by ${shown(index)}: the key has ${key.byteLength} of at most ${INDEX_KEY_BYTES_MAX} bytes`,
      )
    }
  }
}

/**
 * Refuses an index that cannot be kept.
 * @throws EpicError `InvalidId` for a type or name, `SettingsInvalid` for a definition without a UTF-8 form.
 */
export function checkIndexStatus({ type, index, definition }: IndexStatus): void {
  checkIndexName(type, index)
  if (!isWellFormed(definition)) {
    throw invalid(
      `announce the index ${shown(index)}: its definition holds half of a surrogate pair`,
    )
  }
}

/**
 * Refuses the name of an index, or of its type.
 * @throws EpicError `InvalidId`.
 */
export function checkIndexName(type: string, index: string): void {
  checkType(type)
  checkName('index', index)
}

/**
 * Refuses a walk that no page could answer.
 * @throws EpicError `InvalidId` for a type or name, `SettingsInvalid` for a limit or partition.
 */
export function checkScan(scan: Scan): void {
  checkType(scan.type)
  if (scan.index !== undefined) checkName('index', scan.index)
  checkLimit(scan.limit)
  checkPartitions(scan.partitions)
}

/**
 * Refuses a question for tasks that has no answer.
 * @throws EpicError `SettingsInvalid`.
 */
export function checkDueQuery({ beforeMs, limit, partitions }: DueQuery): void {
  if (Number.isNaN(beforeMs)) throw invalid('look for tasks: the instant is not a number')
  checkLimit(limit)
  checkPartitions(partitions)
}

function checkTaskChange(change: TaskChange): void {
  checkName('task', change.key)
  if (change.kind === 'clear') return
  if (!Number.isSafeInteger(change.dueMs) || change.dueMs < 0) {
    throw invalid(
      `set the task ${shown(change.key)}: ${change.dueMs} is no instant in milliseconds`,
    )
  }
  if (change.body.byteLength > TASK_BODY_BYTES_MAX) {
    throw tooLarge(
      `set the task ${shown(change.key)}: its body has ${change.body.byteLength} of at most ${TASK_BODY_BYTES_MAX} bytes`,
    )
  }
}

function checkType(type: string): void {
  if (!isTypeName(type)) {
    throw new EpicError(
      'InvalidId',
      `Cannot use ${shown(type)} as an entity type: it is no type name`,
    )
  }
}

function checkName(what: string, name: string): void {
  const problem = nameProblem(name)
  if (problem === undefined) return
  throw new EpicError('InvalidId', `Cannot use ${shown(name)} as the key of a ${what}: ${problem}`)
}

function nameProblem(name: string): string | undefined {
  if (name.length === 0) return 'it is empty'
  if (name.length > KEY_UNITS_MAX)
    return `it has ${name.length} of at most ${KEY_UNITS_MAX} characters`
  if (name.includes('\0')) return 'it holds a NUL'
  if (!isWellFormed(name)) return 'it holds half of a surrogate pair'
  return undefined
}

function checkUint64(what: string, value: bigint): void {
  if (value >= 0n && value <= UINT64_MAX) return
  throw invalid(`use ${value} as ${what}: it does not fit in 64 bits`)
}

function checkLimit(limit: number): void {
  if (Number.isSafeInteger(limit) && limit >= 1) return
  throw invalid(`read ${limit} rows: a limit is a whole number from 1`)
}

function checkPartitions(partitions: ReadonlySet<number> | undefined): void {
  for (const partition of partitions ?? []) {
    if (Number.isInteger(partition) && partition >= 0 && partition < PARTITIONS) continue
    throw invalid(`read partition ${partition}: there are 0 to ${PARTITIONS - 1}`)
  }
}

function invalid(what: string): EpicError {
  return new EpicError('SettingsInvalid', `Cannot ${what}`)
}

function tooLarge(what: string): EpicError {
  return new EpicError('MessageTooLarge', `Cannot ${what}`)
}

function shown(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text)
}
