/**
 * A connection within one process: what is posted at one end is handed over at the other, by reference.
 *
 * It is handed over at once, within the poster's call. That is safe because channels post only when they flush, and what a
 * channel receives is only put away: no user code runs in between.
 */
import type { RawKind, Signal } from './carrier.ts'
import { Fifo } from './fifo.ts'
import type { LaneIndex } from './lane.ts'
import type { PeerAddress } from './peer-address.ts'

/** What crosses an {@link ObjectLink}. */
export type ObjectFrame =
  | {
      readonly kind: 'batch'
      readonly lane: LaneIndex
      readonly cost: number
      readonly messages: readonly unknown[]
    }
  | { readonly kind: 'signal'; readonly signal: Signal }
  | { readonly kind: 'raw'; readonly raw: RawKind; readonly body: Uint8Array }

/** What one end tells its owner. */
export interface ObjectLinkEvents {
  frame(frame: ObjectFrame): void
  ended(): void
}

/** One end of a connection within one process. */
export class ObjectLink {
  readonly kind = 'objects'
  readonly peer: PeerAddress
  #other: ObjectLink | null = null
  #events: ObjectLinkEvents | null = null
  /** What came before {@link ObjectLink.start}. */
  readonly #early = new Fifo<ObjectFrame>()
  #isEnding = false
  #isEnded = false

  constructor(peer: PeerAddress) {
    this.peer = peer
  }

  start(events: ObjectLinkEvents): void {
    this.#events = events
    for (let frame = this.#early.take(); frame !== undefined; frame = this.#early.take()) {
      events.frame(frame)
    }
    if (this.#isEnded) events.ended()
  }

  post(frame: ObjectFrame): void {
    const other = this.#other
    if (this.#isEnded || other === null) return
    if (other.#events === null) other.#early.push(frame)
    else other.#events.frame(frame)
  }

  /** Ends our half; when both are ended the connection is. */
  end(): void {
    this.#isEnding = true
    if (this.#other === null || this.#other.#isEnding) this.destroy()
  }

  /** Ends both halves. What was posted has arrived already. */
  destroy(): void {
    this.#finish()
    if (this.#other !== null) this.#other.#finish()
  }

  /** Joins two ends. */
  static pair(peerOfFirst: PeerAddress, peerOfSecond: PeerAddress): [ObjectLink, ObjectLink] {
    const first = new ObjectLink(peerOfFirst)
    const second = new ObjectLink(peerOfSecond)
    first.#other = second
    second.#other = first
    return [first, second]
  }

  #finish(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#events?.ended()
  }
}
