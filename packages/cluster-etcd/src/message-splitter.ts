/**
 * gRPC's messages in the data of a stream: one byte (compressed or not), four of length (big-endian), then the message.
 *
 * A length beyond the limit, or a compressed message, which nobody asked for, ends the splitting before anything is allocated.
 */
import { REPLY_BYTES_MAX } from './limits.ts'

const HEAD_BYTES = 5

/** A message with its head. */
export function frameOf(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEAD_BYTES + message.length)
  new DataView(frame.buffer).setUint32(1, message.length)
  frame.set(message, HEAD_BYTES)
  return frame
}

export class MessageSplitter {
  #chunks: Uint8Array[] = []
  #bytes = 0
  /** How many bytes the message that is coming has with its head; its head alone while that is not known. */
  #wanted = HEAD_BYTES
  #problem: string | undefined

  /** Why the stream cannot be split any further. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** The messages that are whole now. */
  handleChunk(chunk: Uint8Array): Uint8Array[] {
    if (this.#problem !== undefined) return []
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    const messages: Uint8Array[] = []
    while (this.#bytes >= this.#wanted && this.#problem === undefined) {
      const joined = this.#join()
      if (this.#wanted === HEAD_BYTES && !this.#readHead(joined)) break
      if (joined.length < this.#wanted) break
      messages.push(joined.subarray(HEAD_BYTES, this.#wanted))
      this.#keep(joined.subarray(this.#wanted))
    }
    return messages
  }

  /** Joining only when enough has come copies each byte once or twice, however small the chunks. */
  #join(): Uint8Array {
    const joined =
      this.#chunks.length === 1 ? (this.#chunks[0] as Uint8Array) : Buffer.concat(this.#chunks)
    this.#chunks = [joined]
    return joined
  }

  #readHead(bytes: Uint8Array): boolean {
    const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1)
    if (bytes[0] !== 0) this.#problem = 'a compressed message, which was not asked for'
    else if (size > REPLY_BYTES_MAX)
      this.#problem = `a message of ${size} of at most ${REPLY_BYTES_MAX} bytes`
    else this.#wanted = HEAD_BYTES + size
    return this.#problem === undefined
  }

  #keep(rest: Uint8Array): void {
    this.#chunks = rest.length === 0 ? [] : [rest]
    this.#bytes = rest.length
    this.#wanted = HEAD_BYTES
  }
}
