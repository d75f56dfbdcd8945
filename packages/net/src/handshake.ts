/**
 * How two sides learn who the other is, before there is a channel between them.
 *
 * A handshake is a function over messages of bytes: it resolves to the other side's identity, or throws. What it throws says
 * what the other side learns: `Incompatible` (it proved itself, and may know why it does not fit) sends the reason; everything
 * else sends nothing at all. Size, time and places are bounded around it, so that it need not care.
 */
import type { PeerAddress } from './peer-address.ts'

/** Who is at the other end of a channel, once it has proved it. */
export interface PeerIdentity {
  readonly clusterId: string
  /** Bound to this connection: no message can claim another. */
  readonly nodeId: string
  /** What it is to us: `node`, `tool`, …. */
  readonly role: string
  /** Grows with each start of the same node; of two, the older one stops. */
  readonly incarnation: number
  /** Names the cluster key by which it was proved, where it was by one (see `ClusterKey.id`). */
  readonly keyId?: string
}

/** One side of a connection on which nothing is proved yet. */
export interface RawChannel {
  readonly peer: PeerAddress
  /** Whether we connected; the other side accepted then. */
  readonly isConnecting: boolean
  /** What only the two ends of this very stream know; empty without encryption. */
  readonly binding: Uint8Array
  send(message: Uint8Array): void
  /**
   * The next message of the other side.
   * @throws EpicError when the connection ended, or took too long.
   */
  receive(): Promise<Uint8Array>
}

/** Learns who the other side is. */
export type Handshake = (raw: RawChannel) => Promise<PeerIdentity>
