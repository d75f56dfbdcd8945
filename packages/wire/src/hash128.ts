/**
 * MurmurHash3_x86_128 by Austin Appleby (public domain), over bytes: tells whether a state differs
 * from the one last saved without keeping that one. Two states have the same hash by chance once in
 * 2^128 pairs; someone who chooses the bytes can make it happen, so it tells equal from different
 * and proves nothing about who wrote them.
 */

const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93
const BLOCK_BYTES = 16

/** What may be given to {@link hash128}. */
export interface Hash128Options {
  readonly seed?: number
  /** Where the four words go; a new array where none is given. */
  readonly into?: Uint32Array<ArrayBuffer>
}

/** The hash of the bytes, as four words. */
export function hash128(bytes: Uint8Array, options?: Hash128Options): Uint32Array<ArrayBuffer> {
  const seed = (options?.seed ?? 0) | 0
  const words = options?.into ?? new Uint32Array(4)
  const size = bytes.length
  const tail = size - (size % BLOCK_BYTES)
  let h1 = seed
  let h2 = seed
  let h3 = seed
  let h4 = seed
  for (let at = 0; at < tail; at += BLOCK_BYTES) {
    h1 ^= mixK1(wordAt(bytes, at))
    h1 = (Math.imul(rotate(h1, 19) + h2, 5) + 0x561ccd1b) | 0
    h2 ^= mixK2(wordAt(bytes, at + 4))
    h2 = (Math.imul(rotate(h2, 17) + h3, 5) + 0x0bcaa747) | 0
    h3 ^= mixK3(wordAt(bytes, at + 8))
    h3 = (Math.imul(rotate(h3, 15) + h4, 5) + 0x96cd1c35) | 0
    h4 ^= mixK4(wordAt(bytes, at + 12))
    h4 = (Math.imul(rotate(h4, 13) + h1, 5) + 0x32ac3b17) | 0
  }
  // Words of the tail that are empty mix to zero.
  h1 ^= mixK1(partAt(bytes, tail)) ^ size
  h2 ^= mixK2(partAt(bytes, tail + 4)) ^ size
  h3 ^= mixK3(partAt(bytes, tail + 8)) ^ size
  h4 ^= mixK4(partAt(bytes, tail + 12)) ^ size
  words[0] = h1
  words[1] = h2
  words[2] = h3
  words[3] = h4
  spread(words)
  for (let i = 0; i < 4; i += 1) words[i] = finish(words[i]!)
  spread(words)
  return words
}

/** The first word becomes the sum of all, and each other has that added. */
function spread(words: Uint32Array): void {
  const sum = words[0]! + words[1]! + words[2]! + words[3]!
  words[0] = sum
  for (let i = 1; i < 4; i += 1) words[i] = words[i]! + sum
}

function mixK1(word: number): number {
  return Math.imul(rotate(Math.imul(word, C1), 15), C2)
}

function mixK2(word: number): number {
  return Math.imul(rotate(Math.imul(word, C2), 16), C3)
}

function mixK3(word: number): number {
  return Math.imul(rotate(Math.imul(word, C3), 17), C4)
}

function mixK4(word: number): number {
  return Math.imul(rotate(Math.imul(word, C4), 18), C1)
}

function finish(word: number): number {
  let hash = word ^ (word >>> 16)
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

function rotate(word: number, count: number): number {
  return (word << count) | (word >>> (32 - count))
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

/** A word whose bytes beyond the end are zero. */
function partAt(bytes: Uint8Array, at: number): number {
  let word = 0
  for (let i = Math.min(bytes.length - at, 4) - 1; i >= 0; i -= 1)
    word = (word << 8) | bytes[at + i]!
  return word
}
