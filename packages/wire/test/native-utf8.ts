/** What a Node process injects: native conversion, as strict as the pure one. */
import { Buffer } from 'node:buffer'
import { pureUtf8 } from '#src/utf8.ts'
import type { Utf8 } from '#src/utf8.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export const nativeUtf8: Utf8 = {
  encodeInto(text, bytes, offset) {
    if (/\p{Surrogate}/u.test(text)) return pureUtf8.encodeInto(text, bytes, offset)
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).write(text, offset)
  },
  decode(bytes, start, end) {
    try {
      return decoder.decode(bytes.subarray(start, end))
    } catch {
      return undefined // Not UTF-8.
    }
  },
}
