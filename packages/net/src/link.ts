/** What a transport gives for one connection: a stream of bytes, or a hand-over of objects within the process. */
import type { ObjectLink } from './object-link.ts'
import type { PeerAddress } from './peer-address.ts'

/** What a stream of bytes tells its owner. */
export interface ByteLinkEvents {
  /** Bytes arrived; they are the owner's, and are not written to again. */
  bytes(chunk: Uint8Array): void
  /** What was congested is not any more. */
  writable(): void
  /** It ended, in whatever way. Nothing comes after. */
  ended(cause: Error | undefined): void
}

/** A stream of bytes, in order, both ways. */
export interface ByteLink {
  readonly kind: 'bytes'
  readonly peer: PeerAddress
  /**
   * What only the two ends of this very stream know (TLS calls it exporter); empty where there is no encryption. A handshake
   * mixes it in, so that what was proved on one stream proves nothing on another.
   */
  readonly binding: Uint8Array
  /** What was given to `write` and is not in the hands of the kernel yet. */
  readonly pendingBytes: number
  /** Begins to tell what happens. Nothing is lost before. */
  start(events: ByteLinkEvents): void
  /** Sends after what was sent before. The bytes must not be changed any more. */
  write(bytes: Uint8Array): void
  /** Between these, writes are gathered into one. */
  cork(): void
  uncork(): void
  /** Ends it after all that was written. */
  end(): void
  /** Ends it now. */
  destroy(): void
}

/** One connection. */
export type Link = ByteLink | ObjectLink
