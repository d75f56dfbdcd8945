/**
 * Takes a channel's messages over a stream of bytes.
 *
 * Each lane has at most one open batch: a writer into which messages are encoded as they are sent, with room for a frame's
 * header at its front, so that sealing it is one copy. A batch that one large message blew up is cut into pieces, between
 * which other lanes may write.
 *
 * Everything that arrives is checked for size before it is kept: a frame's declared length by the splitter, the pieces of a
 * batch here. Batches are handed on undecoded.
 */
import { Buffer } from 'node:buffer'
import { EpicError } from '@epicserver/contracts'
import { FrameSplitter } from '@epicserver/wire'
import type { Writer } from '@epicserver/wire'
import type { Carrier, CarrierEvents, Payload, RawKind, Sealed, Signal } from './carrier.ts'
import type { Fifo } from './fifo.ts'
import {
  HEADER_BYTES,
  HEAD_BATCH,
  HEAD_BYTES,
  KIND_MASK,
  LANE_MASK,
  LENGTH_BYTES,
  MORE,
  decodeSignal,
  encodeSignal,
  headOfRaw,
  makeFrame,
  rawKindOf,
} from './frame-format.ts'
import { LANES } from './lane.ts'
import type { LaneIndex } from './lane.ts'
import { BATCH_BYTES, BATCH_OVERHEAD, CONGESTED_BYTES, FRAGMENT_BYTES } from './limits.ts'
import type { ByteLink, ByteLinkEvents } from './link.ts'
import type { PeerAddress } from './peer-address.ts'
import type { Protocol } from './protocol.ts'
import { WriterPool } from './writer-pool.ts'

/** A batch in which pieces are gathered. */
interface Pieces {
  readonly chunks: Uint8Array[]
  size: number
}

export class ByteCarrier<M> implements Carrier<M>, ByteLinkEvents {
  readonly peer: PeerAddress
  readonly binding: Uint8Array
  readonly isEncoding = true
  bytesWritten = 0
  bytesReceived = 0
  readonly #link: ByteLink
  readonly #protocol: Protocol<M>
  readonly #messageBytesMax: number
  readonly #writers: WriterPool
  readonly #splitter: FrameSplitter
  readonly #open: (Writer | undefined)[] = new Array<Writer | undefined>(LANES.length).fill(
    undefined,
  )
  readonly #pieces: (Pieces | undefined)[] = new Array<Pieces | undefined>(LANES.length).fill(
    undefined,
  )
  #events: CarrierEvents<M> | null = null
  #receivedMax = Infinity
  #isOver = false

  constructor(link: ByteLink, protocol: Protocol<M>, messageBytesMax: number) {
    this.peer = link.peer
    this.binding = link.binding
    this.#link = link
    this.#protocol = protocol
    this.#messageBytesMax = messageBytesMax
    this.#writers = WriterPool.of(protocol)
    this.#splitter = new FrameSplitter({ frameBytesMax: HEAD_BYTES + FRAGMENT_BYTES })
  }

  get isCongested(): boolean {
    return this.#link.pendingBytes >= CONGESTED_BYTES
  }

  start(events: CarrierEvents<M>): void {
    const isFirst = this.#events === null
    this.#events = events
    if (isFirst) this.#link.start(this)
  }

  limitReceived(bytesMax: number): void {
    this.#receivedMax = bytesMax
  }

  append(lane: LaneIndex, message: M): number {
    const batch = this.#open[lane] ?? this.#begin(lane)
    const before = batch.length
    try {
      this.#protocol.encode(message, batch)
    } catch (error) {
      batch.length = before
      throw error
    }
    this.#checkSize(batch, before)
    return batch.length - HEADER_BYTES
  }

  encodeOnce(message: M): Uint8Array {
    const writer = this.#writers.take()
    try {
      this.#protocol.encode(message, writer)
      this.#checkSize(writer, 0)
      return writer.take()
    } finally {
      this.#writers.give(writer)
    }
  }

  appendEncoded(lane: LaneIndex, message: Uint8Array): number {
    const batch = this.#open[lane] ?? this.#begin(lane)
    batch.raw(message)
    return batch.length - HEADER_BYTES
  }

  seal(lane: LaneIndex, waiting: Fifo<Sealed>): number {
    const batch = this.#open[lane]
    if (batch === undefined) return 0
    this.#open[lane] = undefined
    const size = batch.length - HEADER_BYTES
    const cost = size === 0 ? 0 : size + BATCH_OVERHEAD
    if (size > FRAGMENT_BYTES) sealPieces(batch, lane, waiting)
    else if (size > 0) waiting.push({ lane, cost, isFirst: true, frame: sealWhole(batch, lane) })
    this.#writers.give(batch)
    return cost
  }

  decode(payload: Payload<M>, into: M[]): string | undefined {
    try {
      // This carrier hands on nothing but bytes.
      return this.#protocol.decode(payload as Uint8Array, into)
    } catch (error) {
      return `a batch on which its protocol throws: ${String(error)}`
    }
  }

  write(sealed: Sealed): void {
    this.#write(sealed.frame as Buffer)
  }

  writeSignal(signal: Signal): void {
    this.#write(encodeSignal(signal))
  }

  writeRaw(kind: RawKind, body: Uint8Array): void {
    this.#write(makeFrame(headOfRaw(kind), body))
  }

  cork(): void {
    this.#link.cork()
  }

  uncork(): void {
    this.#link.uncork()
  }

  end(): void {
    this.#link.end()
  }

  destroy(): void {
    this.#isOver = true
    for (let lane = 0; lane < LANES.length; lane += 1) {
      const batch = this.#open[lane]
      this.#open[lane] = undefined
      this.#pieces[lane] = undefined
      if (batch !== undefined) this.#writers.give(batch)
    }
    this.#link.destroy()
  }

  bytes(chunk: Uint8Array): void {
    if (this.#isOver) return
    this.bytesReceived += chunk.length
    this.#splitter.handleChunk(chunk)
    this.#events?.begin()
    try {
      this.#handleFrames()
    } finally {
      this.#events?.done()
    }
  }

  writable(): void {
    if (!this.#isOver) this.#events?.writable()
  }

  ended(cause: Error | undefined): void {
    this.#isOver = true
    this.#events?.ended(cause)
  }

  #begin(lane: LaneIndex): Writer {
    const batch = this.#writers.take()
    batch.reserve(HEADER_BYTES)
    batch.length = HEADER_BYTES
    this.#open[lane] = batch
    return batch
  }

  #checkSize(batch: Writer, before: number): void {
    const size = batch.length - before
    if (size <= this.#messageBytesMax) return
    batch.length = before
    throw new EpicError(
      'MessageTooLarge',
      `Cannot send a message: it takes ${size} of at most ${this.#messageBytesMax} bytes`,
    )
  }

  #write(frame: Buffer): void {
    this.bytesWritten += frame.length
    this.#link.write(frame)
  }

  #handleFrames(): void {
    while (!this.#isOver) {
      const frame = this.#splitter.pollFrame()
      if (frame === undefined) break
      this.#handleFrame(frame)
    }
    const problem = this.#splitter.problem
    if (problem !== undefined) this.#break(problem)
    else if (this.bytesReceived > this.#receivedMax) {
      this.#break(`over ${this.#receivedMax} bytes before it proved anything`)
    }
  }

  #handleFrame(frame: Uint8Array): void {
    if (frame.length < HEAD_BYTES) return this.#break('a frame is empty')
    const head = frame[0] as number
    const body = frame.subarray(HEAD_BYTES)
    if ((head & KIND_MASK) === HEAD_BATCH) return this.#handleBatch(head, body)
    const raw = rawKindOf(head)
    if (raw !== undefined) return this.#events?.raw(raw, body)
    const signal = decodeSignal(head, body)
    if (signal === undefined) return this.#break(`a frame of unknown kind 0x${head.toString(16)}`)
    this.#events?.signal(signal)
  }

  #handleBatch(head: number, body: Uint8Array): void {
    const lane = head & LANE_MASK
    if (lane >= LANES.length) return this.#break(`a batch on the unknown lane ${lane}`)
    const pieces = this.#pieces[lane]
    if (pieces === undefined && (head & MORE) === 0) {
      this.#events?.batch(lane, body, body.length + BATCH_OVERHEAD)
      return
    }
    const gathered = pieces ?? { chunks: [], size: 0 }
    this.#pieces[lane] = gathered
    gathered.chunks.push(body)
    gathered.size += body.length
    if (gathered.size > this.#messageBytesMax + BATCH_BYTES) {
      return this.#break(`a batch of over ${this.#messageBytesMax + BATCH_BYTES} bytes`)
    }
    if ((head & MORE) !== 0) return
    this.#pieces[lane] = undefined
    this.#events?.batch(lane, Buffer.concat(gathered.chunks), gathered.size + BATCH_OVERHEAD)
  }

  #break(problem: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#events?.broken(problem)
  }
}

/** The whole batch as one frame, in memory of its own. */
function sealWhole(batch: Writer, lane: LaneIndex): Buffer {
  batch.view.setUint32(0, batch.length - LENGTH_BYTES, true)
  batch.buffer[LENGTH_BYTES] = HEAD_BATCH | lane
  const frame = Buffer.allocUnsafe(batch.length)
  frame.set(batch.buffer.subarray(0, batch.length))
  return frame
}

function sealPieces(batch: Writer, lane: LaneIndex, waiting: Fifo<Sealed>): void {
  for (let at = HEADER_BYTES; at < batch.length; at += FRAGMENT_BYTES) {
    const end = Math.min(at + FRAGMENT_BYTES, batch.length)
    const more = end < batch.length ? MORE : 0
    const isFirst = at === HEADER_BYTES
    waiting.push({
      lane,
      cost: isFirst ? batch.length - HEADER_BYTES + BATCH_OVERHEAD : 0,
      isFirst,
      frame: makeFrame(HEAD_BATCH | lane | more, batch.buffer.subarray(at, end)),
    })
  }
}
