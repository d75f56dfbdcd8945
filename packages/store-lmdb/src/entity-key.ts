/**
 * The key of an entity's record: `partition (2 bytes) · type · NUL · id`, texts in UTF-8.
 *
 * The partition comes first, so that all of a partition's records are one range, to be read or moved. Within it they are ordered
 * by type, then by id. A type is ASCII and neither holds a NUL, so no two entities share a key. The longest has 1,667 bytes.
 */
import { partitionOf } from '@epicserver/contracts'
import type { EntityId } from '@epicserver/contracts'

/** What each key starts with. */
export const PARTITION_BYTES = 2
/** An id up to this length that is all ASCII is copied by a loop; longer or other text by Node. */
const SHORT_ID_UNITS = 64
const typeParts = new Map<string, Buffer>()

/** The key of an entity's record. */
export function entityKey({ type, id }: EntityId): Buffer {
  const typePart = typePartOf(type)
  const idAt = PARTITION_BYTES + typePart.length
  const isShort = id.length <= SHORT_ID_UNITS && isAscii(id)
  const key = Buffer.allocUnsafe(idAt + (isShort ? id.length : Buffer.byteLength(id)))
  writePartition(key, partitionOf(type, id))
  key.set(typePart, PARTITION_BYTES)
  if (isShort) for (let i = 0; i < id.length; i += 1) key[idAt + i] = id.charCodeAt(i)
  else key.write(id, idAt)
  return key
}

/** What the keys of a type's records start with in one partition. */
export function typePrefix(partition: number, type: string): Buffer {
  const typePart = typePartOf(type)
  const prefix = Buffer.allocUnsafe(PARTITION_BYTES + typePart.length)
  writePartition(prefix, partition)
  prefix.set(typePart, PARTITION_BYTES)
  return prefix
}

/** The entity whose record has this key. */
export function entityOfKey(key: Buffer): EntityId {
  const end = key.indexOf(0, PARTITION_BYTES)
  return { type: key.toString('latin1', PARTITION_BYTES, end), id: key.toString('utf8', end + 1) }
}

/** The partition that a key starts with. */
export function partitionOfKey(key: Buffer): number {
  return key.readUInt16BE(0)
}

/** Puts a partition at the start of a key. */
export function writePartition(key: Buffer, partition: number): void {
  key[0] = partition >> 8
  key[1] = partition
}

/** The first key that is beyond all that start with `prefix`. */
export function prefixEnd(prefix: Buffer): Buffer {
  let last = prefix.length - 1
  while (last > 0 && prefix[last] === 0xff) last -= 1
  const end = Buffer.from(prefix.subarray(0, last + 1))
  end[last] = end[last]! + 1
  return end
}

/** `type · NUL`; there are as many as an app has classes. */
function typePartOf(type: string): Buffer {
  const known = typeParts.get(type)
  if (known !== undefined) return known
  const part = Buffer.from(`${type}\0`, 'latin1')
  typeParts.set(type, part)
  return part
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 0x7f) return false
  return true
}
