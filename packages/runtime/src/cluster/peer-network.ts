/**
 * The network between nodes as the runtime uses it: channels that carry batches of bytes, in order for each lane, or end.
 * The server's runs over sockets of `net`; the simulator's delivers, delays and loses in virtual time.
 */
import type { Priority } from '@epicserver/kernel'

/** Which queue of a channel a batch goes through; `control` is never delayed by the others. */
export type PeerLane = 'control' | Priority

export const PEER_LANES: readonly PeerLane[] = ['control', 'high', 'normal', 'low']

/** What a channel tells its user. */
export interface PeerChannelEvents {
  /** A channel that was opened from here has reached the other side. What was sent before has waited. */
  onOpen?(): void
  /** The bytes are only good during the call. */
  onBatch(bytes: Uint8Array): void
  /** Who is at the other end was proved by a secret that counts no more: the channel is to be replaced. */
  onStale?(): void
  /** The channel has ended; nothing that was not received yet will be. Told once. */
  onClose(reason: string): void
}

export interface PeerChannel {
  /** Names the secret by which the other side has proved itself, where there is one and the channel is open. */
  readonly secretId?: string | undefined
  send(lane: PeerLane, batch: Uint8Array): void
  /** Nothing more comes in this tick, or enough has come: what was sent may be written. */
  flush?(): void
  /** Sends what may be lost: it waits behind nothing. Of those with one key that have not left the latest counts. */
  sendUnreliable(message: Uint8Array, key: string | undefined): void
  /** Bytes of a lane that wait because the other side is behind, besides those that are on their way anyhow. */
  backlogBytes(lane: PeerLane): number
  close(): void
}

export interface PeerNetwork {
  /** Opens a channel to a member; what is sent before it is open waits. */
  open(nodeId: string, address: string, events: PeerChannelEvents): PeerChannel
  /** Hears of channels that other members open; `from` is proven. */
  listen(accept: (from: string, channel: PeerChannel) => PeerChannelEvents): void
  close(): void
}
