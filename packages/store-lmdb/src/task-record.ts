/**
 * A durable task as it lies on disk, in two places.
 *
 * `tasks`, by entity: `partition · digest of the entity · digest of the task's key` → the instant. It answers which instant a task
 * has that is set anew or cleared, and all tasks of an entity are one range.
 *
 * `dues`, by instant: `partition · instant · digest of the entity · digest of the key` → the task. The first of a partition is its
 * earliest. Digests keep both keys short, whatever people call their tasks: 16 bytes of SHA-256, which nobody can make collide.
 *
 * The task's own layout: 4 checksum of its key in `dues` and of the rest · 2 length of the type · 2 of the id · 2 of the key · type ·
 * id · key · body.
 */
import { hash } from 'node:crypto'
import type { EntityId, Task } from '@epicserver/contracts'
import { checksum } from './checksum.ts'
import { writePartition } from './entity-key.ts'

const DIGEST_BYTES = 16
const PARTITION_BYTES = 2
const DUE_BYTES = 8
const ENTITY_END = PARTITION_BYTES + DIGEST_BYTES
const HEADER_BYTES = 10

/** What the keys in `tasks` of one entity start with. */
export function taskPrefix(partition: number, { type, id }: EntityId): Buffer {
  const prefix = Buffer.allocUnsafe(ENTITY_END)
  writePartition(prefix, partition)
  prefix.set(digest(`${type}\0${id}`), PARTITION_BYTES)
  return prefix
}

/** The key in `tasks` of one task of the entity with this prefix. */
export function taskKey(prefix: Buffer, key: string): Buffer {
  return Buffer.concat([prefix, digest(key)])
}

/** The key in `dues` of the task with this key in `tasks`. */
export function dueKey(taskKeyBytes: Buffer, dueMs: number): Buffer {
  const key = Buffer.allocUnsafe(taskKeyBytes.length + DUE_BYTES)
  taskKeyBytes.copy(key, 0, 0, PARTITION_BYTES)
  key.writeDoubleBE(dueMs, PARTITION_BYTES)
  taskKeyBytes.copy(key, PARTITION_BYTES + DUE_BYTES, PARTITION_BYTES)
  return key
}

/** The key in `tasks` of the task with this key in `dues`. */
export function taskKeyOfDue(due: Buffer): Buffer {
  return Buffer.concat([
    due.subarray(0, PARTITION_BYTES),
    due.subarray(PARTITION_BYTES + DUE_BYTES),
  ])
}

/** The lowest key in `dues` of a partition's tasks from an instant on. Whole numbers from 0 on sort as their bytes do. */
export function dueBound(partition: number, dueMs: number): Buffer {
  const bound = Buffer.allocUnsafe(PARTITION_BYTES + DUE_BYTES)
  writePartition(bound, partition)
  bound.writeDoubleBE(Math.max(0, Math.ceil(dueMs)), PARTITION_BYTES)
  return bound
}

/** The instant in a key of `dues`. */
export function dueMsOfKey(key: Buffer): number {
  return key.readDoubleBE(PARTITION_BYTES)
}

/** An instant as the value in `tasks`. */
export function encodeDueMs(dueMs: number): Buffer {
  const value = Buffer.allocUnsafe(DUE_BYTES)
  value.writeDoubleBE(dueMs)
  return value
}

/** The instant that a value in `tasks` holds, or `undefined` when it is damaged. */
export function decodeDueMs(value: Buffer): number | undefined {
  const dueMs = value.length === DUE_BYTES ? value.readDoubleBE() : Number.NaN
  return Number.isSafeInteger(dueMs) && dueMs >= 0 ? dueMs : undefined
}

/** The value in `dues` of a task with this key there. */
export function encodeTask(
  due: Buffer,
  { entity, key, body }: Pick<Task, 'entity' | 'key' | 'body'>,
): Buffer {
  const texts = [Buffer.from(entity.type), Buffer.from(entity.id), Buffer.from(key)] as const
  const value = Buffer.concat([Buffer.alloc(HEADER_BYTES), ...texts, body])
  for (const [i, text] of texts.entries()) value.writeUInt16BE(text.length, 4 + 2 * i)
  value.writeUInt32BE(checksum(value.subarray(4), checksum(due)))
  return value
}

/** The task that a value in `dues` holds, or `undefined` when it is damaged. */
export function decodeTask(due: Buffer, value: Buffer): Task | undefined {
  if (value.length < HEADER_BYTES) return undefined
  if (value.readUInt32BE(0) !== checksum(value.subarray(4), checksum(due))) return undefined
  const idAt = HEADER_BYTES + value.readUInt16BE(4)
  const keyAt = idAt + value.readUInt16BE(6)
  const bodyAt = keyAt + value.readUInt16BE(8)
  if (bodyAt > value.length) return undefined
  return {
    entity: {
      type: value.toString('utf8', HEADER_BYTES, idAt),
      id: value.toString('utf8', idAt, keyAt),
    },
    key: value.toString('utf8', keyAt, bodyAt),
    dueMs: dueMsOfKey(due),
    body: value.subarray(bodyAt),
  }
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer').subarray(0, DIGEST_BYTES)
}
