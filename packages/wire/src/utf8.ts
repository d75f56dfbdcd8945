/**
 * UTF-8 without a platform: strict in both directions.
 *
 * The codec copies short texts by loops of its own; what is longer goes through a {@link Utf8},
 * which Node replaces by one over its native buffers. Strict means that text and bytes map one to
 * one: a lone surrogate has no UTF-8 (the codec then writes UTF-16 units), and overlong forms,
 * encoded surrogates and code points beyond U+10FFFF are no text.
 */

/**
 * Turns text into UTF-8 and back. Takes its arguments one by one because it stands on the hot path.
 */
export interface Utf8 {
  /**
   * Writes `text` at `offset`, where the caller has made room for three bytes a unit, and returns
   * how many bytes it wrote; -1 when the text has a lone surrogate.
   */
  encodeInto(text: string, bytes: Uint8Array, offset: number): number
  /** The text of the bytes from `start` to `end`, or `undefined` when they are not UTF-8. */
  decode(bytes: Uint8Array, start: number, end: number): string | undefined
}

/** The default: plain JavaScript. */
export const pureUtf8: Utf8 = { encodeInto: encodeUtf8Into, decode: decodeUtf8 }

/** Units turned into a string at once: `apply` puts them on the stack. */
const CHUNK_UNITS = 2048
const INVALID = -1

function encodeUtf8Into(text: string, bytes: Uint8Array, offset: number): number {
  let at = offset
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) {
      bytes[at++] = unit
    } else if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >> 6)
      bytes[at++] = 0x80 | (unit & 0x3f)
    } else if (unit < 0xd800 || unit > 0xdfff) {
      bytes[at++] = 0xe0 | (unit >> 12)
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f)
      bytes[at++] = 0x80 | (unit & 0x3f)
    } else {
      const low = text.charCodeAt(i + 1)
      if (unit > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) return INVALID
      const point = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
      i += 1
      bytes[at++] = 0xf0 | (point >> 18)
      bytes[at++] = 0x80 | ((point >> 12) & 0x3f)
      bytes[at++] = 0x80 | ((point >> 6) & 0x3f)
      bytes[at++] = 0x80 | (point & 0x3f)
    }
  }
  return at - offset
}

function decodeUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  const units: number[] = []
  let text = ''
  let at = start
  while (at < end) {
    const lead = bytes[at]!
    if (lead < 0x80) {
      units.push(lead)
      at += 1
    } else {
      const size = sequenceSize(lead)
      const point = size > end - at ? INVALID : decodePoint(bytes, at, size)
      if (point === INVALID) return undefined
      if (point < 0x10000) units.push(point)
      else units.push(0xd7c0 + (point >> 10), 0xdc00 | (point & 0x3ff))
      at += size
    }
    if (units.length >= CHUNK_UNITS) {
      text += String.fromCharCode.apply(null, units)
      units.length = 0
    }
  }
  return text + String.fromCharCode.apply(null, units)
}

/**
 * How many bytes the character takes that begins with `lead`; an impossible lead is found by {@link
 * decodePoint}.
 */
function sequenceSize(lead: number): number {
  if (lead < 0xe0) return 2
  return lead < 0xf0 ? 3 : 4
}

function decodePoint(bytes: Uint8Array, at: number, size: number): number {
  const lead = bytes[at]!
  let point = lead & (0x7f >> size)
  for (let i = 1; i < size; i += 1) {
    const next = bytes[at + i]!
    if ((next & 0xc0) !== 0x80) return INVALID
    point = (point << 6) | (next & 0x3f)
  }
  if (size === 2) return lead >= 0xc2 ? point : INVALID
  if (size === 3) return point >= 0x800 && (point < 0xd800 || point > 0xdfff) ? point : INVALID
  return lead < 0xf8 && point >= 0x10000 && point <= 0x10ffff ? point : INVALID
}
