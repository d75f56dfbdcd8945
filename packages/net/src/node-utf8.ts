/** UTF-8 over Node's native buffers, for texts that are too long for the codec's own loop. */
import { Buffer } from 'node:buffer'
import type { Utf8 } from '@epicserver/wire'

const LONE_SURROGATE = /\p{Surrogate}/u
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Strict in both directions, as {@link Utf8} asks. */
export const nodeUtf8: Utf8 = {
  encodeInto(text, bytes, offset) {
    if (LONE_SURROGATE.test(text)) return -1
    return asBuffer(bytes).write(text, offset, 'utf8')
  },
  decode(bytes, start, end) {
    try {
      return decoder.decode(bytes.subarray(start, end))
    } catch {
      // Not UTF-8; the port asks for undefined then.
      return undefined
    }
  },
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
