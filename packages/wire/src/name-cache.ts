/**
 * Remembers short ASCII names, so that reading one costs a comparison and not a new string.
 *
 * Field names, types and operations come again with every message. Each name has one slot, by a
 * hash of its bytes; another name of the same slot takes it over, so a sender of ever new names
 * costs speed and never memory.
 */
import { asciiText } from './ascii.ts'

const SLOTS = 512
/** Longer names are rare, and comparing them costs more than it saves. */
const NAME_BYTES_MAX = 32

/** A cache of the names that readers met lately. */
export class NameCache {
  readonly #names: string[] = new Array<string>(SLOTS).fill('')

  /** The name in these bytes, or `undefined` when it is too long, or not ASCII. */
  read(bytes: Uint8Array, start: number, end: number): string | undefined {
    const size = end - start
    if (size > NAME_BYTES_MAX) return undefined
    let hash = size
    for (let i = start; i < end; i += 1) hash = Math.imul(hash, 31) + bytes[i]!
    const slot = (hash ^ (hash >>> 9)) & (SLOTS - 1)
    const known = this.#names[slot]!
    if (known.length === size && isSame(known, bytes, start)) return known
    const name = asciiText(bytes, start, end)
    if (name !== undefined) this.#names[slot] = name
    return name
  }
}

function isSame(name: string, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < name.length; i += 1) if (name.charCodeAt(i) !== bytes[start + i]) return false
  return true
}
