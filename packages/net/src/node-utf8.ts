/**
 * UTF-8 over Node's native code, for texts that are too long for the codec's own loop: four times as fast for 40 characters of ASCII, a
 * hundred times for 5,000.
 *
 * Writing goes past `Buffer.from`, which costs more than the writing itself, by a method of buffers that takes any `Uint8Array`; it is
 * not documented, though widely used.
 */
import { Buffer } from 'node:buffer'
import type { Utf8 } from '@epicserver/wire'

const { utf8Write } = Buffer.prototype as unknown as {
  readonly utf8Write: (this: Uint8Array, text: string, offset: number) => number
}
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Strict in both directions, as {@link Utf8} asks. */
export const nodeUtf8: Utf8 = {
  encodeInto(text, bytes, offset) {
    return isWellFormed(text) ? utf8Write.call(bytes, text, offset) : -1
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

/** Whether no surrogate stands alone. Node 20 has it, the types of ES2023 do not. */
function isWellFormed(text: string): boolean {
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed()
}
