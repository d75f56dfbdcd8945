/**
 * Reads bytes that a stranger may have written: the layer on which values and the messages of the
 * peer protocol are read by hand.
 *
 * Nothing here throws for what the bytes say. The first thing that cannot be is noted, with its
 * offset; from then on every read answers with a zero, an empty string or `undefined`, and {@link
 * Reader.failed} is true. So a caller reads a whole message and asks once. Nothing is allocated by
 * a declared size before so many bytes are known to be there.
 */
import { asciiText } from './ascii.ts'
import {
  ARRAY16,
  ARRAY32,
  BIN32,
  BIN8,
  EXT32,
  EXT8,
  EXT_UTF16,
  FIXEXT1,
  FIXEXT16,
  MAP16,
  MAP32,
  STR32,
  STR8,
} from './format.ts'
import { MESSAGE_LIMITS, SHORT_TEXT_BYTES } from './limits.ts'
import { NameCache } from './name-cache.ts'
import { requireLittleEndian } from './typed-arrays.ts'
import { pureUtf8 } from './utf8.ts'
import type { Utf8 } from './utf8.ts'
import { ValueDecoder } from './value-decoder.ts'
import type { CodecParts } from './writer.ts'

const NO_BYTES = new Uint8Array(0)
const NOT_SIZED = -1
/** Units turned into a string at once: `apply` puts them on the stack. */
const UNITS_AT_ONCE = 2048

// Shared by all readers, which are made often: none of this is held across two reads.
const names = new NameCache()
const float64 = new Float64Array(1)
const float32 = new Float32Array(float64.buffer, 0, 1)
const floatBytes = new Uint8Array(float64.buffer)

/** A place in bytes that are being read. */
export class Reader {
  buffer: Uint8Array = NO_BYTES
  /** The next byte to read, up to `end`. */
  at = 0
  end = 0
  failed = false
  /** What was wrong first, and where; empty while nothing is. */
  problem = ''
  problemAt = 0
  readonly #utf8: Utf8
  readonly #values: ValueDecoder

  constructor(parts: CodecParts = {}) {
    requireLittleEndian()
    this.#utf8 = parts.utf8 ?? pureUtf8
    this.#values = new ValueDecoder(this, parts.refs, parts.limits ?? MESSAGE_LIMITS)
  }

  /** Begins with other bytes, of which those from `start` to `end` are read. */
  reset(buffer: Uint8Array = NO_BYTES, start = 0, end: number = buffer.length): void {
    this.buffer = buffer
    this.at = start
    this.end = Math.min(end, buffer.length)
    this.failed = false
    this.problem = ''
    this.problemAt = 0
  }

  /** Notes the first problem. Nothing can be read after it. */
  fail(problem: string, at: number = this.at): undefined {
    if (!this.failed) {
      this.failed = true
      this.problem = problem
      this.problemAt = at
    }
    this.at = 0
    this.end = 0
    return undefined
  }

  /** Whether so many bytes are there; notes the problem when not. */
  has(count: number): boolean {
    if (count <= this.end - this.at) return true
    this.fail('the bytes end too early')
    return false
  }

  u8(): number {
    return this.has(1) ? this.buffer[this.at++]! : 0
  }

  u32(): number {
    return this.i32() >>> 0
  }

  i32(): number {
    if (!this.has(4)) return 0
    const { buffer, at } = this
    this.at = at + 4
    return buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24)
  }

  f64(): number {
    if (!this.has(8)) return 0
    for (let i = 0; i < 8; i += 1) floatBytes[i] = this.buffer[this.at + i]!
    this.at += 8
    return float64[0]!
  }

  /** A whole number from 0 to 2⁵³ − 1. */
  varuint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i += 1) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80 && value <= Number.MAX_SAFE_INTEGER) return value
      scale *= 128
    }
    this.fail('a whole number beyond 2⁵³')
    return 0
  }

  /** Any string. */
  string(): string {
    const size = this.#textSize()
    return size === NOT_SIZED ? this.#utf16() : this.text(size)
  }

  /**
   * Any string; a short one that was read lately is not built again. For the names of types,
   * operations and fields.
   */
  name(): string {
    const size = this.#textSize()
    if (size === NOT_SIZED) return this.#utf16()
    if (!this.has(size)) return ''
    const known = names.read(this.buffer, this.at, this.at + size)
    if (known === undefined) return this.text(size)
    this.at += size
    return known
  }

  /** Bytes with their length before them. A view: valid as long as the buffer is left alone. */
  bytes(): Uint8Array {
    const tag = this.u8()
    if (tag < BIN8 || tag > BIN32) {
      this.fail('no bytes where bytes must be')
      return NO_BYTES
    }
    return this.raw(this.sizeOf(tag - BIN8))
  }

  /** So many bytes as they are, as a view. */
  raw(size: number): Uint8Array {
    if (!this.has(size)) return NO_BYTES
    const start = this.at
    this.at = start + size
    return this.buffer.subarray(start, this.at)
  }

  /** Any value that a message or state may hold; `undefined` when the bytes do not hold one. */
  value(): unknown {
    return this.#values.read()
  }

  /** How many values a MessagePack array has; their number is checked against nothing yet. */
  arrayHeader(): number {
    const tag = this.u8()
    if (tag >= 0x90 && tag < 0xa0) return tag & 0x0f
    if (tag === ARRAY16 || tag === ARRAY32) return this.sizeOf(tag - ARRAY16 + 1)
    this.fail('no array where one must be')
    return 0
  }

  /** How many entries a MessagePack map has; their number is checked against nothing yet. */
  mapHeader(): number {
    const tag = this.u8()
    if (tag >= 0x80 && tag < 0x90) return tag & 0x0f
    if (tag === MAP16 || tag === MAP32) return this.sizeOf(tag - MAP16 + 1)
    this.fail('no map where one must be')
    return 0
  }

  /** A size in MessagePack's order, of one (`width` 0), two (1) or four (2) bytes. */
  sizeOf(width: number): number {
    const { buffer, at } = this
    if (width === 0) return this.u8()
    if (!this.has(width * 2)) return 0
    this.at = at + width * 2
    const high = (buffer[at]! << 8) | buffer[at + 1]!
    return width === 1 ? high : ((high << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!) >>> 0
  }

  /** A float in MessagePack's order, of four or eight bytes. */
  floatOf(size: 4 | 8): number {
    if (!this.has(size)) return 0
    for (let i = 0; i < size; i += 1) floatBytes[size - 1 - i] = this.buffer[this.at + i]!
    this.at += size
    return size === 4 ? float32[0]! : float64[0]!
  }

  /** The text of so many bytes. */
  text(size: number): string {
    if (!this.has(size)) return ''
    const start = this.at
    this.at = start + size
    const text =
      (size <= SHORT_TEXT_BYTES ? asciiText(this.buffer, start, this.at) : undefined) ??
      this.#utf8.decode(this.buffer, start, this.at)
    if (text === undefined) this.fail('text that is not UTF-8', start)
    return text ?? ''
  }

  /** A string with a lone surrogate: its units, in so many bytes. */
  units(size: number): string {
    if (!this.has(size)) return ''
    if (size % 2 !== 0) return this.fail('half of a unit of text') ?? ''
    let text = ''
    const units: number[] = []
    for (const end = this.at + size; this.at < end; this.at += 2) {
      units.push(this.buffer[this.at]! | (this.buffer[this.at + 1]! << 8))
      if (units.length === UNITS_AT_ONCE || this.at + 2 === end) {
        text += String.fromCharCode.apply(null, units)
        units.length = 0
      }
    }
    return text
  }

  /** The size of a text's UTF-8, or {@link NOT_SIZED} when what comes is no such text. */
  #textSize(): number {
    const tag = this.at < this.end ? this.buffer[this.at]! : 0
    if (tag >= 0xa0 && tag < 0xc0) {
      this.at += 1
      return tag & 0x1f
    }
    if (tag < STR8 || tag > STR32) return NOT_SIZED
    this.at += 1
    return this.sizeOf(tag - STR8)
  }

  #utf16(): string {
    const tag = this.u8()
    const size = this.extensionSize(tag)
    if (size >= 0 && this.u8() === EXT_UTF16) return this.units(size)
    this.fail('no text where text must be')
    return ''
  }

  /** The size of an extension's payload, by its tag; negative for any other tag. */
  extensionSize(tag: number): number {
    if (tag >= FIXEXT1 && tag <= FIXEXT16) return 1 << (tag - FIXEXT1)
    return tag >= EXT8 && tag <= EXT32 ? this.sizeOf(tag - EXT8) : NOT_SIZED
  }
}
