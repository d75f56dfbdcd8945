/**
 * Protobuf's wire format, as far as etcd's messages need it: varints, byte strings, nested messages.
 *
 * A message to send is a list of its fields. One to receive is walked field by field; what is not known is skipped, as the format
 * asks. Reading never throws for what the bytes say: a varint or a length that cannot be sets `failed`, and the walk ends.
 */

/** A field to send: its number and value. `undefined` leaves it out. */
export type Field = readonly [number: number, value: FieldValue]

/** Whole numbers and booleans go as varints, texts as UTF-8. */
export type FieldValue = bigint | number | boolean | string | Uint8Array | undefined

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5
const VARINT_BYTES_MAX = 10
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The bytes of a message. */
export function encodeMessage(fields: readonly Field[]): Uint8Array {
  const parts: Uint8Array[] = []
  let size = 0
  for (const [number, value] of fields) {
    if (value === undefined) continue
    const bytes = typeof value === 'string' ? encoder.encode(value) : value
    const head = bytes instanceof Uint8Array ? headOf(number, bytes) : scalar(number, bytes)
    parts.push(head)
    size += head.length
    if (!(bytes instanceof Uint8Array)) continue
    parts.push(bytes)
    size += bytes.length
  }
  return joined(parts, size)
}

/** Walks the fields of a message. */
export class MessageReader {
  /** The number of the field that `next` found. */
  field = 0
  failed = false
  readonly #bytes: Uint8Array
  #at = 0
  #type = VARINT

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Goes to the next field; false at the end, and where the bytes make no sense. */
  next(): boolean {
    if (this.failed || this.#at >= this.#bytes.length) return false
    const key = Number(this.#varint())
    this.field = Math.floor(key / 8)
    this.#type = key % 8
    return !this.failed
  }

  /** The field as a signed number of 64 bits. */
  int64(): bigint {
    return this.#expects(VARINT) ? BigInt.asIntN(64, this.#varint()) : 0n
  }

  /** The field as a number; what is beyond 2⁵³ loses digits. */
  number(): number {
    return Number(this.int64())
  }

  boolean(): boolean {
    return this.int64() !== 0n
  }

  /** The field's bytes: a view, which the caller copies if it is to last. */
  bytes(): Uint8Array {
    if (!this.#expects(BYTES)) return this.#bytes.subarray(0, 0)
    const size = Number(this.#varint())
    if (this.failed || size > this.#bytes.length - this.#at) return this.#fail()
    this.#at += size
    return this.#bytes.subarray(this.#at - size, this.#at)
  }

  text(): string {
    return decoder.decode(this.bytes())
  }

  /** Leaves the field unread. */
  skip(): void {
    if (this.#type === VARINT) this.#varint()
    else if (this.#type === BYTES) this.bytes()
    else if (this.#type === FIXED64) this.#skip(8)
    else if (this.#type === FIXED32) this.#skip(4)
    else this.#fail()
  }

  #expects(type: number): boolean {
    if (this.#type !== type) this.#fail()
    return !this.failed
  }

  #skip(count: number): void {
    if (count > this.#bytes.length - this.#at) this.#fail()
    else this.#at += count
  }

  #varint(): bigint {
    let value = 0n
    let small = 0
    for (let i = 0; i < VARINT_BYTES_MAX; i += 1) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) break
      // Most are short: up to 28 bits fit a small integer.
      if (i < 4) small |= (byte & 0x7f) << (7 * i)
      else value |= BigInt(byte & 0x7f) << BigInt(7 * i)
      if (byte < 0x80) return value | BigInt(small)
    }
    this.#fail()
    return 0n
  }

  #fail(): Uint8Array {
    this.failed = true
    return this.#bytes.subarray(0, 0)
  }
}

function scalar(field: number, value: bigint | number | boolean): Uint8Array {
  return Uint8Array.from([
    ...varintBytes(BigInt(field * 8 + VARINT)),
    ...varintBytes(BigInt(value)),
  ])
}

function headOf(field: number, bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([
    ...varintBytes(BigInt(field * 8 + BYTES)),
    ...varintBytes(BigInt(bytes.length)),
  ])
}

/** Negative numbers take ten bytes, as two's complement. */
function varintBytes(value: bigint): number[] {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, value)
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return bytes
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
