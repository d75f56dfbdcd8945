/**
 * Writes bytes into a buffer that grows: the layer on which values, frames and the messages of the
 * peer protocol are written by hand.
 *
 * The buffer is kept between uses, so that a message costs no allocation; {@link Writer.take}
 * copies out. The fields are public because frames patch what they wrote; everyone else calls
 * methods. Integers are little-endian, except inside values, where MessagePack asks for big-endian.
 */
import {
  ARRAY16,
  ARRAY32,
  BIN16,
  BIN32,
  BIN8,
  EXT32,
  EXT8,
  EXT_UTF16,
  FLOAT32,
  FLOAT64,
  INT16,
  INT32,
  INT8,
  MAP16,
  MAP32,
  STR16,
  STR32,
  STR8,
  UINT16,
  UINT32,
  UINT8,
} from './format.ts'
import { MESSAGE_LIMITS, SCRATCH_BYTES_KEPT, SHORT_TEXT_UNITS } from './limits.ts'
import type { CodecLimits } from './limits.ts'
import type { RefCodec } from './ref-codec.ts'
import { requireLittleEndian } from './typed-arrays.ts'
import { pureUtf8 } from './utf8.ts'
import type { Utf8 } from './utf8.ts'
import { ValueEncoder } from './value-encoder.ts'
import type { EncodeProblem } from './value-encoder.ts'

/** What a {@link Writer} and a {@link Reader} are made with; all of it has defaults. */
export interface CodecParts {
  readonly refs?: RefCodec | undefined
  readonly limits?: CodecLimits | undefined
  readonly utf8?: Utf8 | undefined
}

/** Writers are made for each lane of each channel, and most write little: the buffer grows where more is written. */
const SCRATCH_BYTES = 512
const NO_BYTES = new Uint8Array(0)
/** The first slab of a writer, and the largest: each is twice the one before, since most writers write little. */
const SLAB_BYTES_MIN = 2_048
const SLAB_BYTES_MAX = 16_384
const SLAB_SHARE_BYTES = 1024
const HEAP_BYTES = 64
const TWO_TO_THE_32 = 0x1_0000_0000
const FLOAT32_NAN = 0x7fc0_0000

/** A growing buffer of bytes. */
export class Writer {
  /** Of these, the first `length` are written. */
  buffer: Uint8Array<ArrayBuffer> = new Uint8Array(SCRATCH_BYTES)
  view: DataView = new DataView(this.buffer.buffer)
  length = 0
  #slab: Uint8Array<ArrayBuffer> = NO_BYTES
  #slabUsed = 0
  readonly #utf8: Utf8
  readonly #values: ValueEncoder

  constructor(parts: CodecParts = {}) {
    requireLittleEndian()
    this.#utf8 = parts.utf8 ?? pureUtf8
    this.#values = new ValueEncoder(this, parts.refs, parts.limits ?? MESSAGE_LIMITS)
  }

  /** Forgets what was written. */
  reset(): void {
    this.length = 0
    if (this.buffer.length > SCRATCH_BYTES_KEPT) this.#resize(SCRATCH_BYTES)
  }

  /**
   * A copy of what was written, for the caller to keep. Copies of middling size are views into a
   * larger buffer, as Node's own buffers are: V8 makes up to 64 bytes cheaply, but asks the system
   * for more (0.5 µs for 200 bytes, against 0.1 µs).
   */
  take(): Uint8Array<ArrayBuffer> {
    const size = this.length
    if (size <= HEAP_BYTES || size > SLAB_SHARE_BYTES) return this.buffer.slice(0, size)
    if (size > this.#slab.length - this.#slabUsed) {
      const larger = Math.max(SLAB_BYTES_MIN, 2 * this.#slab.length)
      this.#slab = new Uint8Array(Math.min(larger, SLAB_BYTES_MAX))
      this.#slabUsed = 0
    }
    const copy = new Uint8Array(this.#slab.buffer, this.#slabUsed, size)
    copy.set(this.buffer.subarray(0, size))
    this.#slabUsed += size
    return copy
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count
    if (needed > this.buffer.length) this.#resize(Math.max(needed, this.buffer.length * 2))
  }

  u8(value: number): void {
    this.reserve(1)
    this.buffer[this.length++] = value
  }

  u32(value: number): void {
    this.reserve(4)
    this.view.setUint32(this.length, value, true)
    this.length += 4
  }

  i32(value: number): void {
    this.reserve(4)
    this.view.setInt32(this.length, value, true)
    this.length += 4
  }

  f64(value: number): void {
    this.reserve(8)
    this.view.setFloat64(this.length, value, true)
    this.length += 8
  }

  /** A whole number from 0 to 2⁵³ − 1, seven bits a byte, lowest first. */
  varuint(value: number): void {
    this.reserve(8)
    let rest = value
    for (; rest >= TWO_TO_THE_32; rest = Math.floor(rest / 128))
      this.buffer[this.length++] = 0x80 | (rest % 128)
    for (; rest > 0x7f; rest >>>= 7) this.buffer[this.length++] = 0x80 | (rest & 0x7f)
    this.buffer[this.length++] = rest
  }

  /** Any string, lone surrogates too, in the form that it has inside a value. */
  string(text: string): void {
    const units = text.length
    if (units >= SHORT_TEXT_UNITS || !this.#shortString(text)) this.#longString(text)
  }

  /** Bytes with their length before them, in the form that a Uint8Array has inside a value. */
  bytes(data: Uint8Array): void {
    const size = data.length
    this.reserve(size + 5)
    if (size < 0x100) this.#small(BIN8, size)
    else this.#tagged(size < 0x10000 ? BIN16 : BIN32, size)
    this.buffer.set(data, this.length)
    this.length += size
  }

  /** Bytes as they are. */
  raw(data: Uint8Array): void {
    this.reserve(data.length)
    this.buffer.set(data, this.length)
    this.length += data.length
  }

  /** Any number, in the form that it has inside a value: the shortest that keeps it. */
  number(value: number): void {
    this.reserve(9)
    const { buffer } = this
    const int = value | 0
    if (int !== value || Object.is(value, -0)) {
      this.#wideNumber(value)
    } else if (int >= 0 ? int < 0x80 : int >= -0x20) {
      buffer[this.length++] = int
    } else if (int >= 0) {
      if (int < 0x100) this.#small(UINT8, int)
      else this.#tagged(int < 0x10000 ? UINT16 : UINT32, int)
    } else if (int >= -0x80) {
      this.#small(INT8, int)
    } else if (int >= -0x8000) {
      this.#tagged(INT16, int & 0xffff)
    } else {
      buffer[this.length] = INT32
      this.view.setInt32(this.length + 1, int)
      this.length += 5
    }
  }

  /** The header of a MessagePack array; `count` values follow. */
  arrayHeader(count: number): void {
    this.reserve(5)
    if (count < 16) this.buffer[this.length++] = 0x90 | count
    else this.#tagged(count < 0x10000 ? ARRAY16 : ARRAY32, count)
  }

  /** The header of a MessagePack map; `count` keys, each with its value, follow. */
  mapHeader(count: number): void {
    this.reserve(5)
    if (count < 16) this.buffer[this.length++] = 0x80 | count
    else this.#tagged(count < 0x10000 ? MAP16 : MAP32, count)
  }

  /**
   * Begins an extension whose size is not known yet; returns what {@link Writer.endExtension} asks
   * for.
   */
  beginExtension(type: number): number {
    this.reserve(3)
    this.buffer[this.length] = EXT8
    this.buffer[this.length + 2] = type
    this.length += 3
    return this.length
  }

  /**
   * Ends the extension: writes its size, after moving the payload when the size takes four bytes.
   */
  endExtension(begin: number): void {
    const size = this.length - begin
    if (size < 0x100) {
      this.buffer[begin - 2] = size
      return
    }
    this.reserve(3)
    this.buffer.copyWithin(begin + 2, begin - 1, this.length)
    this.length += 3
    this.buffer[begin - 3] = EXT32
    this.view.setUint32(begin - 2, size)
  }

  /**
   * Any value that a message or state may hold. When it cannot be, nothing is written and the
   * problem is returned.
   */
  value(value: unknown): EncodeProblem | undefined {
    return this.#values.write(value)
  }

  /** The same for a plain object with these fields, which need not be made for it. */
  fields(names: readonly string[], values: readonly unknown[]): EncodeProblem | undefined {
    return this.#values.writeFields(names, values)
  }

  /** Whether a value is being written: its getters must not write here. */
  get isWriting(): boolean {
    return this.#values.isWriting
  }

  /** A text that is short enough for a loop; false when it is not ASCII. */
  #shortString(text: string): boolean {
    const units = text.length
    this.reserve(units + 1)
    const { buffer } = this
    let at = this.length
    buffer[at++] = 0xa0 | units
    for (let i = 0; i < units; i += 1) {
      const unit = text.charCodeAt(i)
      if (unit > 0x7f) return false
      buffer[at++] = unit
    }
    this.length = at
    return true
  }

  #longString(text: string): void {
    const units = text.length
    this.reserve(units * 3 + 5)
    const guess = textHeaderSize(units)
    const begin = this.length + guess
    const size = this.#utf8.encodeInto(text, this.buffer, begin)
    if (size < 0) {
      this.#utf16(text)
      return
    }
    const header = textHeaderSize(size)
    if (header !== guess) this.buffer.copyWithin(this.length + header, begin, begin + size)
    if (size < 32) this.buffer[this.length++] = 0xa0 | size
    else if (size < 0x100) this.#small(STR8, size)
    else this.#tagged(size < 0x10000 ? STR16 : STR32, size)
    this.length += size
  }

  #utf16(text: string): void {
    const begin = this.beginExtension(EXT_UTF16)
    this.reserve(text.length * 2)
    for (let i = 0; i < text.length; i += 1) {
      this.view.setUint16(this.length, text.charCodeAt(i), true)
      this.length += 2
    }
    this.endExtension(begin)
  }

  /**
   * A number that is no integer of 32 bits with a sign. All NaNs are one, so that equal states have
   * equal bytes.
   */
  #wideNumber(value: number): void {
    const at = this.length
    if (value >>> 0 === value && value > 0) {
      this.buffer[at] = UINT32
      this.view.setUint32(at + 1, value)
      this.length = at + 5
    } else if (Math.fround(value) === value || value !== value) {
      this.buffer[at] = FLOAT32
      if (value === value) this.view.setFloat32(at + 1, value)
      else this.view.setUint32(at + 1, FLOAT32_NAN)
      this.length = at + 5
    } else {
      this.buffer[at] = FLOAT64
      this.view.setFloat64(at + 1, value)
      this.length = at + 9
    }
  }

  #small(tag: number, size: number): void {
    this.buffer[this.length++] = tag
    this.buffer[this.length++] = size
  }

  /**
   * A tag with a size of 16 or 32 bits: MessagePack's tags with 16 bits are the one before those
   * with 32.
   */
  #tagged(tag: number, size: number): void {
    this.buffer[this.length] = tag
    if (size < 0x10000) {
      this.view.setUint16(this.length + 1, size)
      this.length += 3
    } else {
      this.view.setUint32(this.length + 1, size)
      this.length += 5
    }
  }

  #resize(size: number): void {
    const larger = new Uint8Array(size)
    larger.set(this.buffer.subarray(0, this.length))
    this.buffer = larger
    this.view = new DataView(larger.buffer)
  }
}

function textHeaderSize(size: number): number {
  if (size < 32) return 1
  if (size < 0x100) return 2
  return size < 0x10000 ? 3 : 5
}
