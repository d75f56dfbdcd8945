/**
 * Tuples of values as bytes that sort as the values do: the keys of declared indexes, in any store
 * that compares bytes.
 *
 * Between kinds: null, false, true, numbers, BigInts, strings, dates. A shorter tuple comes before
 * those that begin with it.
 *
 * - Numbers as JavaScript compares them. `-0` is `0` (they are equal, so they are one key), and NaN
 *   is above Infinity, as PostgreSQL has it. A number and a BigInt are different kinds; a field
 *   holds the one or the other.
 * - BigInts of up to 4 GB: sign, count of bytes, magnitude; negative ones with every bit inverted.
 * - Strings by their UTF-16 units, as `<` compares them (UTF-8 would put U+FF5E before an emoji):
 *   each unit in one to three bytes as UTF-8 would write it alone, so lone surrogates survive. Zero
 *   is written `00 FF` and `00` ends the string, which is below any unit and any kind that follows.
 * - Dates by their time; an invalid one is above all others.
 *
 * A key is as long as its values; stores have limits of their own (LMDB: 1,978 bytes) and say so.
 * These are bytes on disk: the order of kinds never changes.
 */
import { Reader } from './reader.ts'
import { kindOf } from './value-kind.ts'
import { Writer } from './writer.ts'

/** What an index can order. */
export type SortValue = null | boolean | number | bigint | string | Date

/** What came of decoding a key. */
export type SortKeyResult =
  | { readonly ok: true; readonly values: SortValue[] }
  | { readonly ok: false; readonly problem: string; readonly offset: number }

const KIND_NULL = 0x10
const KIND_FALSE = 0x20
const KIND_TRUE = 0x21
const KIND_NUMBER = 0x30
const KIND_BIGINT_NEGATIVE = 0x40
const KIND_BIGINT = 0x41
const KIND_STRING = 0x50
const KIND_DATE = 0x60

/**
 * Above every kind and every string's end, so a key with it behind is above all that begin with the
 * key.
 */
const ABOVE = 0xff
const STRING_END = 0
const ESCAPED_ZERO = 0xff
const SIGN_BIT = 0x80
/** In place of a BigInt's size where four bytes with the size follow. */
const LONG_BIGINT = 0xff
const FLOAT64_NAN = 0x7ff8_0000_0000_0000n
const NO_UNIT = -1
/** Units turned into a string at once: `apply` puts them on the stack. */
const UNITS_AT_ONCE = 2048

const scratch = new Writer()
const reader = new Reader()

/** The tuple as bytes whose order, byte by byte, is the order of the tuples. */
export function encodeSortKey(values: readonly SortValue[]): Uint8Array<ArrayBuffer> {
  scratch.reset()
  for (const value of values) writeSortValue(value)
  return scratch.take()
}

/** The first bytes above every key that begins with these values: where a scan for them ends. */
export function sortKeyEnd(values: readonly SortValue[]): Uint8Array<ArrayBuffer> {
  scratch.reset()
  for (const value of values) writeSortValue(value)
  scratch.u8(ABOVE)
  return scratch.take()
}

/** The tuple in these bytes. Never throws for what they say. */
export function decodeSortKey(key: Uint8Array): SortKeyResult {
  const values: SortValue[] = []
  reader.reset(key)
  while (reader.at < reader.end) values.push(readSortValue())
  const { failed, problem, problemAt } = reader
  reader.reset()
  return failed ? { ok: false, problem, offset: problemAt } : { ok: true, values }
}

/** Whether an index can order the value. */
export function isSortValue(value: unknown): value is SortValue {
  if (typeof value === 'object') return value === null || kindOf(value) === 'date'
  return (
    typeof value === 'string' ||
    typeof value === 'number' ||
    typeof value === 'boolean' ||
    typeof value === 'bigint'
  )
}

function writeSortValue(value: SortValue): void {
  switch (typeof value) {
    case 'boolean':
      scratch.u8(value ? KIND_TRUE : KIND_FALSE)
      return
    case 'number':
      scratch.u8(KIND_NUMBER)
      writeSortedFloat(value)
      return
    case 'bigint':
      writeSortedBigint(value)
      return
    case 'string':
      writeSortedString(value)
      return
    default:
      scratch.u8(value === null ? KIND_NULL : KIND_DATE)
      if (value !== null) writeSortedFloat(value.getTime())
  }
}

/**
 * The bits of a float sort as unsigned integers once the sign is flipped, and negative ones wholly
 * inverted.
 */
function writeSortedFloat(value: number): void {
  scratch.reserve(8)
  const { buffer, length, view } = scratch
  if (Number.isNaN(value)) view.setBigUint64(length, FLOAT64_NAN)
  else view.setFloat64(length, value + 0)
  scratch.length += 8
  if (value < 0) invert(buffer, length, 8)
  else buffer[length] = buffer[length]! ^ SIGN_BIT
}

function writeSortedBigint(value: bigint): void {
  const digits = value === 0n ? '' : (value < 0n ? -value : value).toString(16)
  const hex = digits.length % 2 === 0 ? digits : `0${digits}`
  const size = hex.length / 2
  scratch.u8(value < 0n ? KIND_BIGINT_NEGATIVE : KIND_BIGINT)
  const begin = scratch.length
  scratch.u8(Math.min(size, LONG_BIGINT))
  if (size >= LONG_BIGINT) {
    scratch.reserve(4)
    scratch.view.setUint32(scratch.length, size)
    scratch.length += 4
  }
  for (let i = 0; i < hex.length; i += 2) scratch.u8(Number.parseInt(hex.slice(i, i + 2), 16))
  if (value < 0n) invert(scratch.buffer, begin, scratch.length - begin)
}

function writeSortedString(text: string): void {
  scratch.reserve(text.length * 3 + 2)
  const { buffer } = scratch
  let at = scratch.length
  buffer[at++] = KIND_STRING
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    if (unit === 0) {
      buffer[at++] = STRING_END
      buffer[at++] = ESCAPED_ZERO
    } else if (unit < 0x80) {
      buffer[at++] = unit
    } else if (unit < 0x800) {
      buffer[at++] = 0xc0 | (unit >> 6)
      buffer[at++] = 0x80 | (unit & 0x3f)
    } else {
      buffer[at++] = 0xe0 | (unit >> 12)
      buffer[at++] = 0x80 | ((unit >> 6) & 0x3f)
      buffer[at++] = 0x80 | (unit & 0x3f)
    }
  }
  buffer[at++] = STRING_END
  scratch.length = at
}

function readSortValue(): SortValue {
  switch (reader.u8()) {
    case KIND_NULL:
      return null
    case KIND_FALSE:
      return false
    case KIND_TRUE:
      return true
    case KIND_NUMBER:
      return readSortedFloat()
    case KIND_BIGINT_NEGATIVE:
      return -readSortedMagnitude(0xff)
    case KIND_BIGINT:
      return readSortedMagnitude(0)
    case KIND_STRING:
      return readSortedString()
    case KIND_DATE:
      return new Date(readSortedFloat())
    default:
      reader.fail('a kind of value that is not known', reader.at - 1)
      return null
  }
}

function readSortedFloat(): number {
  const bytes = reader.raw(8).slice()
  if (bytes.length < 8) return 0
  if (bytes[0]! < SIGN_BIT) invert(bytes, 0, 8)
  else bytes[0] = bytes[0]! ^ SIGN_BIT
  return new DataView(bytes.buffer).getFloat64(0)
}

/**
 * Reads a size and so many bytes, each combined with the mask that inverts those of a negative
 * number.
 */
function readSortedMagnitude(mask: number): bigint {
  let size = reader.u8() ^ mask
  if (size === LONG_BIGINT) {
    size = 0
    for (let i = 0; i < 4; i += 1) size = size * 0x100 + (reader.u8() ^ mask)
  }
  let hex = '0x0'
  for (const byte of reader.raw(size)) hex += (byte ^ mask).toString(16).padStart(2, '0')
  return BigInt(hex)
}

function readSortedString(): string {
  const units: number[] = []
  let text = ''
  for (;;) {
    const unit = readSortedUnit()
    if (unit === NO_UNIT) return text + String.fromCharCode.apply(null, units)
    units.push(unit)
    if (units.length === UNITS_AT_ONCE) text += String.fromCharCode.apply(null, units.splice(0))
  }
}

/** The next unit of a string, or NO_UNIT at its end. */
function readSortedUnit(): number {
  const lead = reader.u8()
  if (lead === STRING_END) {
    if (reader.failed || reader.at >= reader.end || reader.buffer[reader.at] !== ESCAPED_ZERO)
      return NO_UNIT
    reader.at += 1
    return 0
  }
  if (lead < 0x80) return lead
  const second = reader.u8()
  if (lead < 0xe0) return ((lead & 0x1f) << 6) | (second & 0x3f)
  return ((lead & 0x0f) << 12) | ((second & 0x3f) << 6) | (reader.u8() & 0x3f)
}

function invert(bytes: Uint8Array, start: number, count: number): void {
  for (let i = start; i < start + count; i += 1) bytes[i] = ~bytes[i]!
}
