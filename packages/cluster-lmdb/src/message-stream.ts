/**
 * Messages over a socket: those of one tick go out in one write, and what comes in is cut, decoded and handed over one by one.
 *
 * Sending costs nothing but memory, which is bounded: a peer that does not read is cut off. Receiving trusts nothing: a frame, a
 * value or a trailing byte that cannot be ends the connection, once, with the reason.
 */
import type { Socket } from 'node:net'
import { FrameSplitter, createCodec } from '@epicserver/wire'
import type { Codec, CodecLimits, Reader } from '@epicserver/wire'
import { FRAME_BYTES_SOFT_MAX, UNSENT_BYTES_MAX } from './limits.ts'

const LENGTH_BYTES = 4

/** What a {@link MessageStream} is made of. */
export interface MessageStreamOptions {
  readonly socket: Socket
  /** How large and how rich one message may be that comes in, and one that goes out. */
  readonly receives: Pick<CodecLimits, 'bytesMax' | 'elementsMax'>
  readonly sends: Pick<CodecLimits, 'bytesMax' | 'elementsMax'>
  readonly onMessage: (message: unknown) => void
  /** Says that the connection is over, once; with a reason when it was broken and not merely closed. */
  readonly onEnd: (problem: string | undefined) => void
}

export class MessageStream {
  readonly #options: MessageStreamOptions
  readonly #codec: Codec
  readonly #reader: Reader
  readonly #splitter: FrameSplitter
  #unsent: Uint8Array[] = []
  #isClosing = false
  #isEnded = false

  constructor(options: MessageStreamOptions) {
    this.#options = options
    this.#codec = createCodec({ limits: options.sends })
    this.#reader = createCodec({ limits: options.receives }).createReader()
    this.#splitter = new FrameSplitter({
      frameBytesMax: options.receives.bytesMax + FRAME_BYTES_SOFT_MAX,
    })
    options.socket.on('data', (chunk) => this.#handleChunk(chunk))
    options.socket.on('close', () => this.#end(undefined))
    // 'close' follows and says that the connection is over; why is of no use to anyone.
    options.socket.on('error', () => this.#end(undefined))
  }

  /**
   * Sends a message with what else this tick sends.
   * @throws EpicError `MessageTooLarge`; nothing is sent then.
   */
  send(message: unknown): void {
    this.sendBytes(this.#codec.encode(message))
  }

  /** The same for a message that is encoded already. */
  sendBytes(bytes: Uint8Array): void {
    if (this.#isClosing || this.#isEnded) return
    if (this.#unsent.length === 0) setImmediate(() => this.#flush())
    this.#unsent.push(bytes)
  }

  /** Sends what is left, then hangs up; what still comes is not looked at. */
  close(): void {
    this.#flush()
    this.#isClosing = true
    this.#options.socket.destroySoon()
  }

  /** Hangs up at once. */
  destroy(problem?: string): void {
    this.#end(problem)
    this.#options.socket.destroy()
  }

  #flush(): void {
    const messages = this.#unsent
    this.#unsent = []
    if (this.#isEnded || messages.length === 0) return
    const { socket } = this.#options
    socket.write(framesOf(messages))
    if (socket.writableLength > UNSENT_BYTES_MAX) this.destroy('the other side does not read')
  }

  #handleChunk(chunk: Uint8Array): void {
    if (this.#isClosing || this.#isEnded) return
    this.#splitter.handleChunk(chunk)
    let frame = this.#splitter.pollFrame()
    while (frame !== undefined && !this.#isEnded && !this.#isClosing) {
      this.#handleFrame(frame)
      frame = this.#splitter.pollFrame()
    }
    if (this.#splitter.problem !== undefined) this.destroy(this.#splitter.problem)
  }

  #handleFrame(frame: Uint8Array): void {
    const reader = this.#reader
    let at = 0
    while (at < frame.length && !this.#isEnded && !this.#isClosing) {
      reader.reset(frame, at)
      const message = reader.value()
      if (reader.failed) return this.destroy(`a message that cannot be: ${reader.problem}`)
      // A handler may end up here again through a socket of its own, so nothing of the reader is used after it.
      at = reader.at
      this.#options.onMessage(message)
    }
  }

  #end(problem: string | undefined): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#unsent = []
    this.#options.onEnd(problem)
  }
}

/** Encodes a message as {@link MessageStream.sendBytes} takes it. */
export function createMessageEncoder(
  limits: Pick<CodecLimits, 'bytesMax' | 'elementsMax'>,
): (message: unknown) => Uint8Array {
  const codec = createCodec({ limits })
  return (message) => codec.encode(message)
}

/** The messages in frames, each closed once it holds enough. */
function framesOf(messages: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = []
  for (let at = 0; at < messages.length;) {
    const header = Buffer.allocUnsafe(LENGTH_BYTES)
    parts.push(header)
    let bytes = 0
    while (at < messages.length && bytes < FRAME_BYTES_SOFT_MAX) {
      const message = messages[at++]
      if (message === undefined) continue
      parts.push(message)
      bytes += message.length
    }
    header.writeUInt32LE(bytes)
  }
  return Buffer.concat(parts)
}
