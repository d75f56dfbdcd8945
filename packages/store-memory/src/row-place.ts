/**
 * Where a row stands on a walk: by its key, then by its id in UTF-8. A place is also how a walk goes on: it is compared, never
 * looked up, so the row that it was taken from may be gone.
 */
import { pureUtf8 } from '@epicserver/wire'

/** A row's key in the walked index, empty without one, and its id in UTF-8. */
export interface RowPlace {
  readonly key: Uint8Array
  readonly id: Uint8Array
}

const NO_BYTES = new Uint8Array()
const KEY_LENGTH_BYTES = 2

/** An id in UTF-8. It is well formed, or it would not have come here. */
export function idBytes(id: string): Uint8Array {
  const bytes = new Uint8Array(id.length * 3)
  return bytes.slice(0, pureUtf8.encodeInto(id, bytes, 0))
}

/** Below zero when `a` comes before `b`; zero only for the same row. */
export function comparePlaces(a: RowPlace, b: RowPlace): number {
  return compareBytes(a.key, b.key) || compareBytes(a.id, b.id)
}

/** The lowest place of a bound, which is an id where no index is walked. */
export function placeOfBound(bound: Uint8Array, isIndexed: boolean): RowPlace {
  return isIndexed ? { key: bound, id: NO_BYTES } : { key: NO_BYTES, id: bound }
}

/** A place as the bytes of a page's `next`. */
export function encodePlace({ key, id }: RowPlace): Uint8Array {
  const bytes = new Uint8Array(KEY_LENGTH_BYTES + key.length + id.length)
  bytes[0] = key.length >> 8
  bytes[1] = key.length
  bytes.set(key, KEY_LENGTH_BYTES)
  bytes.set(id, KEY_LENGTH_BYTES + key.length)
  return bytes
}

/** The place that a page's `next` stands for. */
export function decodePlace(bytes: Uint8Array): RowPlace {
  const keyEnd = KEY_LENGTH_BYTES + ((bytes[0] ?? 0) << 8) + (bytes[1] ?? 0)
  return { key: bytes.slice(KEY_LENGTH_BYTES, keyEnd), id: bytes.slice(keyEnd) }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i += 1) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}
