/**
 * Reads JavaScript values from bytes that a stranger may have written.
 *
 * What it holds to, whatever the bytes: objects are fresh, with `Object.prototype` and fields of
 * their own; a field named `__proto__` is refused; nothing is allocated before as many bytes are
 * there as it must take at the least; depth and number of elements are bounded; only the extensions
 * of format.ts are known. Views and buffers are copies.
 *
 * Numbers in any of MessagePack's forms are accepted, so that other encoders can write for us; its
 * 64-bit integers are BigInts.
 */
import {
  ATOM_HOLE,
  ATOM_INVALID_DATE,
  ATOM_UNDEFINED,
  ARRAY16,
  ARRAY32,
  BIN16,
  BIN32,
  BIN8,
  EXT_AGAIN,
  EXT_ARRAY_BUFFER,
  EXT_ATOM,
  EXT_BIGINT,
  EXT_ERROR,
  EXT_MAP,
  EXT_REF,
  EXT_SET,
  EXT_SHARED,
  EXT_TIMESTAMP,
  EXT_TYPED_ARRAY,
  EXT_UTF16,
  FALSE,
  FIXEXT1,
  FLOAT32,
  FLOAT64,
  INT16,
  INT32,
  INT64,
  INT8,
  MAP16,
  MAP32,
  NIL,
  STR16,
  STR32,
  STR8,
  TRUE,
  UINT16,
  UINT32,
  UINT64,
  UINT8,
} from './format.ts'
import { createEpicError, createError } from './error-value.ts'
import { readBigint, readBigint64, readBuffer, readDate, readView } from './leaf-reader.ts'
import type { CodecLimits } from './limits.ts'
import type { Reader } from './reader.ts'
import type { RefCodec } from './ref-codec.ts'

const NONE = -1
/** Longer arrays are more often of one kind, and then take less memory as such. */
const MIXED_ITEMS_MAX = 16
/** Stands for a marked object whose bytes have begun but which is not made yet. */
const UNMADE = Symbol('unmade')

/** The part of a {@link Reader} that reads values. */
export class ValueDecoder {
  readonly #reader: Reader
  readonly #refs: RefCodec | undefined
  readonly #limits: CodecLimits
  #elementsLeft = 0
  /** The objects that were marked as occurring again, by number. */
  #shared: unknown[] = []
  /** The number that waits for the next object to be made. */
  #awaited = NONE

  constructor(reader: Reader, refs: RefCodec | undefined, limits: CodecLimits) {
    this.#reader = reader
    this.#refs = refs
    this.#limits = limits
  }

  /** One value; `undefined`, with the reader failed, when the bytes do not hold one. */
  read(): unknown {
    const reader = this.#reader
    const begin = reader.at
    this.#elementsLeft = this.#limits.elementsMax
    let value: unknown
    try {
      value = this.#value(0)
    } catch (error) {
      // Nothing above throws for its bytes alone; a frozen Object.prototype, or a RefCodec that
      // breaks its word, does.
      reader.fail(`reading it threw ${error instanceof Error ? error.name : typeof error}`)
    }
    if (this.#shared.length > 0) this.#shared = []
    this.#awaited = NONE
    if (reader.at - begin > this.#limits.bytesMax) reader.fail('a value of too many bytes', begin)
    return reader.failed ? undefined : value
  }

  #value(depth: number): unknown {
    const reader = this.#reader
    if (reader.at >= reader.end) return reader.fail('the bytes end too early')
    const tag = reader.buffer[reader.at++]!
    if (tag < 0x80) return tag
    if (tag < 0x90) return this.#plain(tag & 0x0f, depth)
    if (tag < 0xa0) return this.#array(tag & 0x0f, depth)
    if (tag < 0xc0) return reader.text(tag & 0x1f)
    if (tag >= 0xe0) return tag - 0x100
    return this.#tagged(tag, depth)
  }

  #tagged(tag: number, depth: number): unknown {
    const reader = this.#reader
    switch (tag) {
      case NIL:
        return null
      case FALSE:
        return false
      case TRUE:
        return true
      case BIN8:
      case BIN16:
      case BIN32:
        return this.#made(reader.raw(reader.sizeOf(tag - BIN8)).slice())
      case FLOAT32:
        return reader.floatOf(4)
      case FLOAT64:
        return reader.floatOf(8)
      case UINT8:
      case UINT16:
      case UINT32:
        return reader.sizeOf(tag - UINT8)
      case INT8:
        return (reader.u8() << 24) >> 24
      case INT16:
        return (reader.sizeOf(1) << 16) >> 16
      case INT32:
        return reader.sizeOf(2) | 0
      case UINT64:
      case INT64:
        return readBigint64(reader, tag === INT64)
      case STR8:
      case STR16:
      case STR32:
        return reader.text(reader.sizeOf(tag - STR8))
      case ARRAY16:
      case ARRAY32:
        return this.#array(reader.sizeOf(tag - ARRAY16 + 1), depth)
      case MAP16:
      case MAP32:
        return this.#plain(reader.sizeOf(tag - MAP16 + 1), depth)
      default:
        return this.#extension(reader.extensionSize(tag), depth)
    }
  }

  #plain(count: number, depth: number): unknown {
    const reader = this.#reader
    if (!this.#enter(count, count * 2, depth)) return undefined
    const object: Record<string, unknown> = {}
    this.#made(object)
    for (let i = 0; i < count; i += 1) {
      const at = reader.at
      const key = reader.name()
      if (key === '__proto__') return reader.fail('a field named __proto__', at)
      object[key] = this.#value(depth + 1)
      if (reader.failed) return undefined
    }
    return object
  }

  #array(count: number, depth: number): unknown {
    const reader = this.#reader
    if (!this.#enter(count, count, depth)) return undefined
    const items = this.#made(new Array<unknown>(count))
    // Room for values of any kind at once: V8 would turn an array of integers into one of floats or
    // objects when it meets the first, which is half the time of a small array on Node 24.
    if (count > 0 && count <= MIXED_ITEMS_MAX) items[0] = undefined
    for (let i = 0; i < count; i += 1) {
      // oxlint-disable-next-line typescript/no-array-delete -- a hole is what is meant
      if (reader.buffer[reader.at] === FIXEXT1 && this.#isHole()) delete items[i]
      else items[i] = this.#value(depth + 1)
      if (reader.failed) return undefined
    }
    return items
  }

  #isHole(): boolean {
    const { at, buffer, end } = this.#reader
    if (end - at < 3 || buffer[at + 1] !== EXT_ATOM || buffer[at + 2] !== ATOM_HOLE) return false
    this.#reader.at = at + 3
    return true
  }

  /** Reads what extends MessagePack; its payload must fill its declared size exactly. */
  #extension(size: number, depth: number): unknown {
    const reader = this.#reader
    if (size === NONE) return reader.fail('a byte that MessagePack never uses', reader.at - 1)
    const type = reader.u8()
    if (!reader.has(size)) return undefined
    const outerEnd = reader.end
    const end = reader.at + size
    reader.end = end
    const value = this.#payload(type, size, depth)
    if (reader.failed) return undefined
    if (reader.at !== end) return reader.fail('an extension longer than what it holds')
    reader.end = outerEnd
    return value
  }

  #payload(type: number, size: number, depth: number): unknown {
    const reader = this.#reader
    switch (type) {
      case EXT_ATOM:
        return this.#atom()
      case EXT_TIMESTAMP:
        return this.#made(readDate(reader, size))
      case EXT_UTF16:
        return reader.units(size)
      case EXT_BIGINT:
        if (size - 1 > this.#limits.bigintBytesMax) return reader.fail('a BigInt of too many bytes')
        return readBigint(reader, size)
      case EXT_ARRAY_BUFFER:
        return this.#made(readBuffer(reader, size))
      case EXT_TYPED_ARRAY:
        return this.#made(readView(reader, size))
      case EXT_MAP:
        return this.#map(reader.mapHeader(), depth)
      case EXT_SET:
        return this.#set(reader.arrayHeader(), depth)
      case EXT_ERROR:
        return this.#error(depth)
      case EXT_REF:
        return this.#ref()
      case EXT_SHARED:
        return this.#marked(depth)
      case EXT_AGAIN:
        return this.#again()
      default:
        return reader.fail('an extension of no known type', reader.at - 1)
    }
  }

  #atom(): Date | undefined {
    const atom = this.#reader.u8()
    if (atom === ATOM_UNDEFINED) return undefined
    if (atom === ATOM_INVALID_DATE) return this.#made(new Date(Number.NaN))
    return this.#reader.fail('an atom of no known kind, or out of place')
  }

  #map(count: number, depth: number): unknown {
    if (!this.#enter(count, count * 2, depth)) return undefined
    const map = this.#made(new Map<unknown, unknown>())
    for (let i = 0; i < count; i += 1) {
      const key = this.#value(depth + 1)
      map.set(key, this.#value(depth + 1))
      if (this.#reader.failed) return undefined
    }
    return map
  }

  #set(count: number, depth: number): unknown {
    if (!this.#enter(count, count, depth)) return undefined
    const set = this.#made(new Set<unknown>())
    for (let i = 0; i < count; i += 1) {
      set.add(this.#value(depth + 1))
      if (this.#reader.failed) return undefined
    }
    return set
  }

  #error(depth: number): unknown {
    const reader = this.#reader
    if (!this.#enter(0, 0, depth)) return undefined
    const name = reader.name()
    const message = reader.string()
    const retry = reader.name()
    if (retry === '') {
      const error = this.#made(createError(name, message))
      const code = this.#value(depth + 1)
      const data = this.#value(depth + 1)
      if (code !== undefined) error.code = code
      if (data !== undefined) error.data = data
      return error
    }
    const error = this.#made(createEpicError({ name, message, retry, code: reader.name() }))
    error.details = this.#value(depth + 1)
    return error
  }

  #ref(): unknown {
    const reader = this.#reader
    const at = reader.at
    const type = reader.name()
    const id = reader.string()
    if (reader.failed) return undefined
    const ref = this.#refs?.createRef(type, id)
    return ref === undefined ? reader.fail('a ref that cannot be made here', at) : ref
  }

  #marked(depth: number): unknown {
    const reader = this.#reader
    const number = this.#shared.length
    if (this.#awaited !== NONE) return reader.fail('a mark upon a mark')
    this.#awaited = number
    this.#shared.push(UNMADE)
    const value = this.#value(depth)
    return this.#shared[number] === UNMADE
      ? reader.fail('a mark upon a value without identity')
      : value
  }

  #again(): unknown {
    const value = this.#shared[this.#reader.varuint()] ?? UNMADE
    return value === UNMADE ? this.#reader.fail('a number that marks nothing') : value
  }

  /**
   * Gives an object that was just made the number that waits for one, before anything inside it is
   * read.
   */
  #made<T>(object: T): T {
    if (this.#awaited !== NONE) {
      this.#shared[this.#awaited] = object
      this.#awaited = NONE
    }
    return object
  }

  /** Whether a container of so many elements, which take at least so many bytes, may be made. */
  #enter(count: number, bytesMin: number, depth: number): boolean {
    const reader = this.#reader
    if (!reader.has(bytesMin)) return false
    this.#elementsLeft -= count
    if (this.#elementsLeft < 0) reader.fail('more elements than are allowed')
    else if (depth >= this.#limits.depthMax) reader.fail('nested deeper than is allowed')
    return !reader.failed
  }
}
