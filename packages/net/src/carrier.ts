/**
 * A carrier takes a channel's messages over a link: in batches, each on a lane, with signals between them.
 *
 * There are two. {@link ByteCarrier} encodes batches by a protocol into frames of bytes; {@link ObjectCarrier} hands the
 * messages themselves over. All the rest of a channel (lanes, credits, heartbeat, closing) does not know which it has.
 */
import type { Fifo } from './fifo.ts'
import type { LaneIndex } from './lane.ts'
import type { PeerAddress } from './peer-address.ts'

/** The messages of one batch: encoded or as they are. */
export type Payload<M> = Uint8Array | readonly M[]

/** A batch, or a piece of one, that is ready to be written. */
export interface Sealed {
  readonly lane: LaneIndex
  /** What it takes of the lane's credit: the whole batch with its first piece, nothing with the others. */
  readonly cost: number
  readonly isFirst: boolean
  /** What is written, for the carrier that sealed it. */
  readonly frame: unknown
}

/** What the two ends of a channel tell each other beside messages. */
export type Signal =
  | { readonly kind: 'ping'; readonly id: number }
  | { readonly kind: 'pong'; readonly id: number }
  /** So much of what was sent on the lane is processed. */
  | { readonly kind: 'credit'; readonly lane: LaneIndex; readonly cost: number }
  | { readonly kind: 'close'; readonly reason: string }

/** What is said before there is a channel. */
export type RawKind = 'handshake' | 'hello' | 'refuse'

/** What a carrier tells its owner. */
export interface CarrierEvents<M> {
  batch(lane: LaneIndex, payload: Payload<M>, cost: number): void
  signal(signal: Signal): void
  raw(kind: RawKind, body: Uint8Array): void
  /** Something begins to arrive, and all of it has. */
  begin(): void
  done(): void
  writable(): void
  /** The other side sent what it must not. Nothing comes after. */
  broken(problem: string): void
  /** The link ended. Nothing comes after. */
  ended(cause: Error | undefined): void
}

/** Takes messages over a link. */
export interface Carrier<M> {
  readonly peer: PeerAddress
  readonly binding: Uint8Array
  /** Whether messages cross as bytes; `encodeOnce` and `appendEncoded` are for those that do. */
  readonly isEncoding: boolean
  /** Whether what is written now would only wait where nothing can overtake it. */
  readonly isCongested: boolean
  /** Bytes written and received, of frames with their headers; 0 where there are none. */
  readonly bytesWritten: number
  readonly bytesReceived: number

  /** Tells from now on what happens; called again, it tells another. */
  start(events: CarrierEvents<M>): void
  /** What the other side may have sent in all, until this is called again. */
  limitReceived(bytesMax: number): void

  /** Puts a message into the lane's open batch, and returns what the batch costs now. */
  append(lane: LaneIndex, message: M): number
  /** Encodes a message once, for {@link Carrier.appendEncoded} of any carrier of the same protocol. */
  encodeOnce(message: M): Uint8Array
  appendEncoded(lane: LaneIndex, message: Uint8Array): number
  /** Closes the lane's open batch and adds it to what waits to be written; returns its cost. */
  seal(lane: LaneIndex, waiting: Fifo<Sealed>): number
  /** The messages of a batch that arrived; or what is wrong with it. */
  decode(payload: Payload<M>, into: M[]): string | undefined

  write(sealed: Sealed): void
  writeSignal(signal: Signal): void
  writeRaw(kind: RawKind, body: Uint8Array): void
  cork(): void
  uncork(): void
  end(): void
  destroy(): void
}
