/**
 * Frames: messages in a stream of bytes, each behind its length (four bytes, little-endian).
 *
 * A {@link FrameSplitter} is fed with the chunks of a stream, as they come, and gives back the
 * frames in them. A frame that lies within one chunk is a view into it, without a copy; one that
 * spans chunks is gathered. A length beyond the limit is reported when its four bytes are there,
 * before anything is allocated, and ends the splitting: after it the stream has no known place to
 * go on from, so the owner closes it. Also, room for a frame grows with the bytes that came, not
 * with the length that was promised: a peer that declares 16 MB and falls silent holds what it
 * sent.
 *
 * | state | on a chunk |
 * | --- | --- |
 * | between frames | frames that it holds whole are views; the rest begins a gathering |
 * | gathering a length | until its four bytes are there |
 * | gathering a frame | copies until it is whole |
 * | broken | is dropped |
 *
 * It knows nothing of what is in a frame, of time or of sockets.
 */
import { FRAME_BYTES_MAX } from './limits.ts'
import type { Writer } from './writer.ts'

const LENGTH_BYTES = 4
const NO_BYTES = new Uint8Array(0)
const GATHER_BYTES_MIN = 256

/** What may be given to a {@link FrameSplitter}. */
export interface FrameSplitterOptions {
  /** The largest frame to accept; {@link FRAME_BYTES_MAX} where none is given. */
  readonly frameBytesMax?: number
}

/** Begins a frame in the writer; returns what {@link endFrame} asks for. */
export function beginFrame(writer: Writer): number {
  writer.u32(0)
  return writer.length
}

/** Ends the frame: writes its length. */
export function endFrame(writer: Writer, begin: number): void {
  writer.view.setUint32(begin - LENGTH_BYTES, writer.length - begin, true)
}

/**
 * Cuts a stream of chunks into frames.
 * @example
 * splitter.handleChunk(chunk)
 * for (let frame = splitter.pollFrame(); frame; frame = splitter.pollFrame()) handle(frame)
 * if (splitter.problem !== undefined) socket.destroy()
 */
export class FrameSplitter {
  readonly #frameBytesMax: number
  #chunk: Uint8Array = NO_BYTES
  #at = 0
  /** What was gathered of a frame, its length included, that began in an earlier chunk. */
  #gathered: Uint8Array = NO_BYTES
  #gatheredBytes = 0
  #problem: string | undefined

  constructor(options: FrameSplitterOptions = {}) {
    this.#frameBytesMax = options.frameBytesMax ?? FRAME_BYTES_MAX
  }

  /** Why the stream cannot be split any further. */
  get problem(): string | undefined {
    return this.#problem
  }

  /**
   * The stream has brought these bytes. They must be left alone for as long as frames of them are
   * in use.
   */
  handleChunk(chunk: Uint8Array): void {
    if (this.#at < this.#chunk.length)
      throw new Error('The frames of the chunk before were not all taken')
    if (this.#problem !== undefined) return
    this.#chunk = chunk
    this.#at = 0
  }

  /** The next frame that is whole, without its length. */
  pollFrame(): Uint8Array | undefined {
    if (this.#gatheredBytes > 0) return this.#pollGathered()
    const rest = this.#chunk.length - this.#at
    if (rest >= LENGTH_BYTES) {
      const size = this.#sizeAt(this.#chunk, this.#at)
      if (size === undefined) return undefined
      if (rest - LENGTH_BYTES >= size) return this.#take(this.#at + LENGTH_BYTES, size)
    }
    if (rest > 0) this.#gather(rest)
    else this.#chunk = NO_BYTES
    return undefined
  }

  #take(start: number, size: number): Uint8Array {
    this.#at = start + size
    return this.#chunk.subarray(start, this.#at)
  }

  #pollGathered(): Uint8Array | undefined {
    if (this.#gatheredBytes < LENGTH_BYTES) {
      this.#gather(LENGTH_BYTES - this.#gatheredBytes)
      if (this.#gatheredBytes < LENGTH_BYTES) return undefined
    }
    const size = this.#sizeAt(this.#gathered, 0)
    if (size === undefined) return undefined
    this.#gather(LENGTH_BYTES + size - this.#gatheredBytes)
    if (this.#gatheredBytes < LENGTH_BYTES + size) return undefined
    const frame = this.#gathered.subarray(LENGTH_BYTES, LENGTH_BYTES + size)
    this.#gathered = NO_BYTES
    this.#gatheredBytes = 0
    return frame
  }

  /** Moves up to `wanted` bytes of the chunk to those gathered. */
  #gather(wanted: number): void {
    const count = Math.min(wanted, this.#chunk.length - this.#at)
    const bytes = this.#gatheredBytes + count
    if (bytes > this.#gathered.length) {
      const roomy = Math.max(this.#gathered.length * 2, GATHER_BYTES_MIN)
      const larger = new Uint8Array(Math.max(bytes, Math.min(roomy, this.#gatheredBytes + wanted)))
      larger.set(this.#gathered.subarray(0, this.#gatheredBytes))
      this.#gathered = larger
    }
    this.#gathered.set(this.#chunk.subarray(this.#at, this.#at + count), this.#gatheredBytes)
    this.#gatheredBytes = bytes
    this.#at += count
  }

  #sizeAt(bytes: Uint8Array, at: number): number | undefined {
    const size =
      (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
    if (size <= this.#frameBytesMax) return size
    this.#problem = `a frame of ${size} of at most ${this.#frameBytesMax} bytes`
    this.#chunk = NO_BYTES
    this.#gathered = NO_BYTES
    this.#gatheredBytes = 0
    this.#at = 0
    return undefined
  }
}
