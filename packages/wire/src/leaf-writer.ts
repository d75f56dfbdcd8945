/**
 * Writes the values that hold no others and have no form in plain MessagePack, or one of several:
 * dates, BigInts, bytes.
 */
import {
  ATOM_INVALID_DATE,
  EXT8,
  EXT_ARRAY_BUFFER,
  EXT_ATOM,
  EXT_BIGINT,
  EXT_TIMESTAMP,
  EXT_TYPED_ARRAY,
  FIXEXT1,
  FIXEXT4,
  FIXEXT8,
  INT64,
  UINT64,
} from './format.ts'
import { TYPED_ARRAYS } from './typed-arrays.ts'
import { viewName } from './value-kind.ts'
import type { Writer } from './writer.ts'

const INT64_MIN = -(2n ** 63n)
const INT64_END = 2n ** 63n
const UINT64_END = 2n ** 64n
const TWO_TO_THE_32 = 0x1_0000_0000
const NANOSECONDS_IN_MS = 1_000_000

/** Writes one of the three atoms. */
export function writeAtom(writer: Writer, atom: number): void {
  writer.reserve(3)
  const at = writer.length
  writer.buffer[at] = FIXEXT1
  writer.buffer[at + 1] = EXT_ATOM
  writer.buffer[at + 2] = atom
  writer.length = at + 3
}

/** Writes a date as the shortest of MessagePack's timestamps that holds it. */
export function writeDate(writer: Writer, date: Date): void {
  const timeMs = date.getTime()
  if (Number.isNaN(timeMs)) {
    writeAtom(writer, ATOM_INVALID_DATE)
    return
  }
  const seconds = Math.floor(timeMs / 1000)
  const nanoseconds = (timeMs - seconds * 1000) * NANOSECONDS_IN_MS
  const high = Math.floor(seconds / TWO_TO_THE_32)
  writer.reserve(15)
  if (high < 0 || high > 3) {
    writer.u8(EXT8)
    writer.u8(12)
    writer.u8(EXT_TIMESTAMP)
    writeU32(writer, nanoseconds)
    writeU32(writer, high)
  } else if (high > 0 || nanoseconds > 0) {
    writer.u8(FIXEXT8)
    writer.u8(EXT_TIMESTAMP)
    writeU32(writer, nanoseconds * 4 + high)
  } else {
    writer.u8(FIXEXT4)
    writer.u8(EXT_TIMESTAMP)
  }
  writeU32(writer, seconds)
}

/**
 * Writes a BigInt; false, with nothing written, when its magnitude takes more than `bytesMax`
 * bytes.
 */
export function writeBigint(writer: Writer, value: bigint, bytesMax: number): boolean {
  if (value >= INT64_MIN && value < UINT64_END) {
    writer.u8(value < INT64_END ? INT64 : UINT64)
    writer.reserve(8)
    writer.view.setBigUint64(writer.length, BigInt.asUintN(64, value))
    writer.length += 8
    return true
  }
  const digits = (value < 0n ? -value : value).toString(16)
  const hex = digits.length % 2 === 0 ? digits : `0${digits}`
  if (hex.length / 2 > bytesMax) return false
  const begin = writer.beginExtension(EXT_BIGINT)
  writer.u8(value < 0n ? 1 : 0)
  for (let i = 0; i < hex.length; i += 2) writer.u8(Number.parseInt(hex.slice(i, i + 2), 16))
  writer.endExtension(begin)
  return true
}

/** Writes an ArrayBuffer; false, with nothing written, when it is detached. */
export function writeBuffer(writer: Writer, buffer: ArrayBuffer): boolean {
  if (isDetached(buffer)) return false
  const begin = writer.beginExtension(EXT_ARRAY_BUFFER)
  writer.raw(new Uint8Array(buffer))
  writer.endExtension(begin)
  return true
}

/** Writes a typed array; false, with nothing written, when its buffer is detached. */
export function writeView(writer: Writer, view: ArrayBufferView): boolean {
  if (view.byteLength === 0 && isDetached(view.buffer)) return false
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  const number = TYPED_ARRAYS.findIndex(({ name }) => name === viewName(view))
  if (number < 0) {
    writer.bytes(bytes)
    return true
  }
  const begin = writer.beginExtension(EXT_TYPED_ARRAY)
  writer.u8(number)
  writer.raw(bytes)
  writer.endExtension(begin)
  return true
}

function writeU32(writer: Writer, value: number): void {
  writer.reserve(4)
  writer.view.setUint32(writer.length, value)
  writer.length += 4
}

/** ES2023 has no way to ask. */
function isDetached(buffer: ArrayBufferLike): boolean {
  if (buffer.byteLength > 0) return false
  try {
    return new Uint8Array(buffer).length > 0
  } catch {
    return true
  }
}
