/**
 * The key of an index entry: `index (16 bytes) · key, escaped · 00 00 · id`, so that entries are ordered by key, then by id.
 *
 * An index is told by a digest of its type, its name and a generation: when an index is dropped or defined anew, the generation
 * changes, and what the old one left behind is out of the way at once, to be swept later.
 *
 * In the escaped key `00` is written as `00 FF`, so that `00 00` ends it and sorts before whatever might go on. With 200 zero bytes
 * and an id of 1,536 bytes it has 1,954 of LMDB's 1,978 bytes.
 */
import { hash } from 'node:crypto'

/** Long enough that no two indexes meet, by chance or on purpose. */
export const INDEX_PREFIX_BYTES = 16

/** What the keys of an index's entries start with. */
export function indexPrefix(type: string, index: string, generation: number): Buffer {
  const digest = hash('sha256', `${type}\0${index}\0${generation}`, 'buffer')
  return digest.subarray(0, INDEX_PREFIX_BYTES)
}

/** The key of an index entry. */
export function indexEntryKey(prefix: Buffer, key: Uint8Array, id: string): Buffer {
  const escaped = escapeKey(key)
  const idBytes = Buffer.byteLength(id)
  const idAt = prefix.length + escaped.length + 2
  const entry = Buffer.allocUnsafe(idAt + idBytes)
  entry.set(prefix)
  entry.set(escaped, prefix.length)
  entry[idAt - 2] = 0
  entry[idAt - 1] = 0
  entry.write(id, idAt)
  return entry
}

/** Where the entries of a key begin: a bound of a walk. */
export function indexBound(prefix: Buffer, key: Uint8Array): Buffer {
  return Buffer.concat([prefix, escapeKey(key)])
}

/** The key and the id of an index entry, or `undefined` when it is damaged. */
export function decodeIndexEntry(entry: Buffer): { key: Buffer; id: string } | undefined {
  const key = Buffer.allocUnsafe(entry.length)
  let length = 0
  for (let at = INDEX_PREFIX_BYTES; at < entry.length; at += 1) {
    const byte = entry[at]!
    if (byte === 0) {
      at += 1
      if (entry[at] === 0) {
        return { key: Buffer.from(key.subarray(0, length)), id: entry.toString('utf8', at + 1) }
      }
      if (entry[at] !== 0xff) return undefined
    }
    key[length] = byte
    length += 1
  }
  return undefined
}

function escapeKey(key: Uint8Array): Uint8Array {
  const zeros = countZeros(key)
  if (zeros === 0) return key
  const escaped = new Uint8Array(key.length + zeros)
  let at = 0
  for (const byte of key) {
    escaped[at] = byte
    if (byte === 0) escaped[at + 1] = 0xff
    at += byte === 0 ? 2 : 1
  }
  return escaped
}

function countZeros(key: Uint8Array): number {
  let zeros = 0
  for (const byte of key) if (byte === 0) zeros += 1
  return zeros
}
