/** What a pipe is made with, and what it tells about itself. */
import type { EpicError } from '@epicserver/contracts'
import type { Channel } from './channel.ts'
import type { HeartbeatOptions } from './channel-parts.ts'
import type { Clock } from './clock.ts'
import type { KeyOf } from './handlers.ts'
import type { Handshake } from './handshake.ts'
import type { NetLimits } from './limits.ts'
import type { Log } from './log.ts'
import type { PeerAddress } from './peer-address.ts'
import type { Protocol, Protocols } from './protocol.ts'
import type { RunPolicy, Runner } from './runner.ts'
import type { Transport } from './transport.ts'
import type { Versions } from './versions.ts'

/** What a pipe is made with; only the transport has no default. */
export interface PipeOptions<M> {
  readonly transport: Transport
  /** A registered name, or a protocol itself; `msgpack` when missing. */
  readonly protocol?: string | Protocol<M>
  /** Where names are looked up; the built-in ones when missing. */
  readonly protocols?: Protocols
  /** Learns who the other side is. Without it nobody is asked. */
  readonly handshake?: Handshake
  /** What else must be equal on both sides, as text: a version, a fingerprint of a configuration. */
  readonly compatibility?: string
  /** Which versions of its messages this side speaks; the newest that both do is the channel's. */
  readonly versions?: Versions
  /** The key of a message; its `type` when missing. */
  readonly keyOf?: KeyOf<M>
  /** `off` is the default within a process, a ping after 5 s of silence and the end after 15 s elsewhere. */
  readonly heartbeat?: HeartbeatOptions<M> | 'off'
  readonly limits?: Partial<NetLimits>
  /** Delivers what arrives; pipes may share one. */
  readonly runner?: Runner
  /** How the runner drives the channels; each on its own when missing. */
  readonly policy?: RunPolicy
  readonly clock?: Clock
  readonly log?: Log
  /** What peers are printed with: `S2S` when missing. */
  readonly label?: string
}

/** Someone who was not let in, or could not be reached. */
export interface Refusal {
  readonly peer: PeerAddress | undefined
  readonly error: EpicError
}

/** What a pipe tells. */
export interface PipeEvents<M> {
  /** A peer connected to us. */
  readonly accepted: readonly [channel: Channel<M>]
  /** We connected to a peer. */
  readonly connected: readonly [channel: Channel<M>]
  /** A channel was closed: all that was sent was processed. */
  readonly close: readonly [channel: Channel<M>]
  /** A channel was destroyed. */
  readonly destroy: readonly [channel: Channel<M>, error: EpicError]
  /** A peer that came failed to become a channel. Those for whom there was no room are only counted. */
  readonly refused: readonly [refusal: Refusal]
  /** A handler threw or rejected. Without a handler here it is logged. */
  readonly fault: readonly [error: unknown, channel: Channel<M>]
}

/** What a pipe has seen, for metrics. */
export interface PipeCounts {
  readonly accepted: number
  readonly connected: number
  readonly closed: number
  readonly destroyed: number
  /** Refused because all places were taken, or because the address had failed too often. */
  readonly refusedFull: number
  readonly refusedFailing: number
  /** Attempts of others that failed: without proof, of another kind, against the protocol, too slow, or ended. */
  readonly unauthorized: number
  readonly incompatible: number
  readonly broken: number
  readonly timedOut: number
  readonly lost: number
  /** Open channels that were destroyed because the other side broke the protocol. */
  readonly brokenChannels: number
  readonly faults: number
  /** Connections that could not be accepted, for want of file handles for example. */
  readonly troubles: number
}
