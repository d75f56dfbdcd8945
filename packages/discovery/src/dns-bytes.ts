/**
 * The bytes of DNS messages: numbers, and names as rows of labels.
 *
 * A reader never throws: it fails once, stays failed, and yields zeros. A name may go on at an earlier place of the message; here only
 * ever further back, so that no message can send its reader round in circles.
 */
import { NAME_BYTES_MAX, NAME_LABELS_MAX } from './limits.ts'

const POINTER = 0xc0
const LABEL_BYTES_MAX = 63

export class DnsReader {
  readonly #bytes: Uint8Array
  #at = 0
  #failed = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get failed(): boolean {
    return this.#failed
  }

  get at(): number {
    return this.#at
  }

  u8(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) return this.fail()
    this.#at += 1
    return byte
  }

  u16(): number {
    const high = this.u8()
    return (high << 8) | this.u8()
  }

  u32(): number {
    const high = this.u16()
    return high * 0x1_0000 + this.u16()
  }

  bytes(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) {
      this.fail()
      return new Uint8Array(0)
    }
    const part = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return part
  }

  skipTo(at: number): void {
    if (at < this.#at || at > this.#bytes.length) this.fail()
    else this.#at = at
  }

  /** A name, its labels joined by dots; what is not plain in a label is written as `\ddd`. */
  name(): string {
    const labels: string[] = []
    let bytesLeft = NAME_BYTES_MAX
    let after: number | undefined
    let lowest = this.#at
    for (;;) {
      const length = this.u8()
      if (this.#failed || length === 0) break
      if ((length & POINTER) === POINTER) {
        const target = ((length & ~POINTER) << 8) | this.u8()
        after ??= this.#at
        if (target >= lowest) return this.#failedName()
        lowest = target
        this.#at = target
        continue
      }
      bytesLeft -= length + 1
      if (length > LABEL_BYTES_MAX || bytesLeft < 1 || labels.length === NAME_LABELS_MAX)
        return this.#failedName()
      labels.push(labelFrom(this.bytes(length)))
    }
    if (after !== undefined) this.#at = after
    return labels.join('.')
  }

  fail(): number {
    this.#failed = true
    this.#at = this.#bytes.length
    return 0
  }

  #failedName(): string {
    this.fail()
    return ''
  }
}

export class DnsWriter {
  readonly #bytes: number[] = []

  get length(): number {
    return this.#bytes.length
  }

  u8(value: number): void {
    this.#bytes.push(value & 0xff)
  }

  u16(value: number): void {
    this.#bytes.push((value >> 8) & 0xff, value & 0xff)
  }

  u32(value: number): void {
    this.u16(Math.floor(value / 0x1_0000))
    this.u16(value & 0xffff)
  }

  bytes(bytes: Uint8Array): void {
    for (const byte of bytes) this.#bytes.push(byte)
  }

  /** A name of our own making: labels without dots and escapes. */
  name(name: string): void {
    for (const label of name.split('.')) {
      const bytes = new TextEncoder().encode(label)
      if (bytes.length === 0 || bytes.length > LABEL_BYTES_MAX)
        throw new RangeError(
          `Cannot write "${name}" as a name of DNS: a label has ${bytes.length} bytes`,
        )
      this.u8(bytes.length)
      this.bytes(bytes)
    }
    this.u8(0)
  }

  /** What `write` writes, behind its length. */
  sized(write: () => void): void {
    const start = this.#bytes.length
    this.u16(0)
    write()
    const length = this.#bytes.length - start - 2
    this.#bytes[start] = length >> 8
    this.#bytes[start + 1] = length & 0xff
  }

  take(): Uint8Array {
    return Uint8Array.from(this.#bytes)
  }
}

function labelFrom(bytes: Uint8Array): string {
  let label = ''
  for (const byte of bytes) {
    const isPlain = byte > 0x20 && byte < 0x7f && byte !== 0x2e && byte !== 0x5c
    label += isPlain ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`
  }
  return label
}
