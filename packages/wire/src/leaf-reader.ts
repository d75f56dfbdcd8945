/**
 * Reads the payloads of extensions that hold no other values. Each reads exactly `size` bytes, or
 * fails.
 */
import { TYPED_ARRAYS } from './typed-arrays.ts'
import type { Reader } from './reader.ts'

const NANOSECONDS_END = 1_000_000_000
const NANOSECONDS_IN_MS = 1_000_000
const TWO_TO_THE_32 = 0x1_0000_0000
const DATE_MS_MAX = 8.64e15

/**
 * Reads a MessagePack timestamp of 4, 8 or 12 bytes; what is finer than a millisecond is cut off.
 */
export function readDate(reader: Reader, size: number): Date | undefined {
  let nanoseconds = 0
  let high = 0
  if (size === 12) {
    nanoseconds = reader.sizeOf(2)
    high = reader.sizeOf(2) | 0
  } else if (size === 8) {
    const both = reader.sizeOf(2)
    nanoseconds = both >>> 2
    high = both & 3
  } else if (size !== 4) {
    return reader.fail('a timestamp of no known size')
  }
  const timeMs =
    (high * TWO_TO_THE_32 + reader.sizeOf(2)) * 1000 + Math.floor(nanoseconds / NANOSECONDS_IN_MS)
  if (nanoseconds >= NANOSECONDS_END || Math.abs(timeMs) > DATE_MS_MAX)
    return reader.fail('a timestamp beyond all dates')
  return new Date(timeMs)
}

/** Reads a BigInt beyond 64 bits. */
export function readBigint(reader: Reader, size: number): bigint | undefined {
  const sign = reader.u8()
  const bytes = reader.raw(size - 1)
  if (sign > 1 || bytes.length === 0) return reader.fail('a BigInt without sign or digits')
  let hex = '0x'
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0')
  const magnitude = BigInt(hex)
  return sign === 1 ? -magnitude : magnitude
}

/** Reads a BigInt of 64 bits, with or without a sign. */
export function readBigint64(reader: Reader, isSigned: boolean): bigint {
  const high = BigInt(reader.sizeOf(2))
  const value = (high << 32n) | BigInt(reader.sizeOf(2))
  return isSigned ? BigInt.asIntN(64, value) : value
}

/** Reads an ArrayBuffer: a copy, for the bytes below belong to a frame. */
export function readBuffer(reader: Reader, size: number): ArrayBuffer {
  return Uint8Array.from(reader.raw(size)).buffer
}

/** Reads a typed array: a copy, which also puts it where its elements must be aligned. */
export function readView(reader: Reader, size: number): ArrayBufferView | undefined {
  const type = TYPED_ARRAYS[reader.u8()]
  if (type === undefined) return reader.fail('a typed array of no known kind')
  if ((size - 1) % type.size !== 0) return reader.fail('a typed array that ends within an element')
  return new type.make(readBuffer(reader, size - 1))
}
