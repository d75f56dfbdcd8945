/**
 * The bytes of the fabric's own records: whole numbers of 7 bits a byte, and texts in UTF-8 with their length before them.
 *
 * The view record is read and written by every node of a cluster, also by those of another version, so its bytes are fixed by
 * hand here rather than by a general codec. A reader never throws: it fails once, stays failed, and yields zeros.
 */

/** Appends numbers and texts to a growing buffer. */
export class ByteWriter {
  #bytes = new Uint8Array(256)
  #length = 0

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow()
    this.#bytes[this.#length] = value
    this.#length += 1
  }

  /** A whole number from 0 to 2⁵³ − 1. */
  count(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.byte((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    this.byte(rest)
  }

  text(value: string): void {
    const start = this.#length
    for (const char of value) this.#char(char.codePointAt(0) ?? 0)
    const body = this.#bytes.slice(start, this.#length)
    this.#length = start
    this.count(body.length)
    for (const byte of body) this.byte(byte)
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #char(code: number): void {
    if (code < 0x80) {
      this.byte(code)
      return
    }
    if (code < 0x800) {
      this.byte(0xc0 | (code >> 6))
    } else if (code < 0x10000) {
      this.byte(0xe0 | (code >> 12))
      this.byte(0x80 | ((code >> 6) & 0x3f))
    } else {
      this.byte(0xf0 | (code >> 18))
      this.byte(0x80 | ((code >> 12) & 0x3f))
      this.byte(0x80 | ((code >> 6) & 0x3f))
    }
    this.byte(0x80 | (code & 0x3f))
  }

  #grow(): void {
    const larger = new Uint8Array(this.#bytes.length * 2)
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}

/** Reads what a {@link ByteWriter} wrote; `failed` says that the bytes were not that. */
export class ByteReader {
  readonly #bytes: Uint8Array
  #offset = 0
  #failed = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get failed(): boolean {
    return this.#failed
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#bytes.length
  }

  byte(): number {
    const byte = this.#bytes[this.#offset]
    if (byte === undefined) return this.#fail()
    this.#offset += 1
    return byte
  }

  /** A number of at most `max`. */
  count(max: number): number {
    const first = this.#bytes[this.#offset]
    // A view has two thousand numbers, nearly all of them of one byte.
    if (first === undefined || first >= 0x80 || first > max) return this.#longCount(max)
    this.#offset += 1
    return first
  }

  #longCount(max: number): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (value > max) return this.#fail()
      if (byte < 0x80) return value
      scale *= 0x80
    }
  }

  /** A text of at most `bytesMax` bytes. */
  text(bytesMax: number): string {
    const end = this.count(bytesMax) + this.#offset
    if (this.#failed || end > this.#bytes.length) {
      this.#fail()
      return ''
    }
    let text = ''
    while (this.#offset < end && !this.#failed) text += this.#char()
    if (this.#offset !== end) this.#fail()
    return text
  }

  #char(): string {
    const lead = this.byte()
    if (lead < 0x80) return String.fromCharCode(lead)
    if (lead >= 0xc0 && lead < 0xe0) return this.#code((lead & 0x1f) << 6, 1)
    if (lead >= 0xe0 && lead < 0xf0) return this.#code((lead & 0x0f) << 12, 2)
    if (lead >= 0xf0 && lead < 0xf5) return this.#code((lead & 0x07) << 18, 3)
    this.#fail()
    return ''
  }

  #code(high: number, tail: number): string {
    let code = high
    for (let shift = (tail - 1) * 6; shift >= 0; shift -= 6) {
      const byte = this.byte()
      if ((byte & 0xc0) !== 0x80) this.#fail()
      code |= (byte & 0x3f) << shift
    }
    if (code > 0x10ffff) this.#fail()
    return this.#failed ? '' : String.fromCodePoint(code)
  }

  #fail(): number {
    this.#failed = true
    this.#offset = this.#bytes.length
    return 0
  }
}
