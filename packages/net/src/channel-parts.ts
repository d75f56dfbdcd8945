/** What a channel is given, and what it tells about itself. */
import type { EpicError } from '@epicserver/contracts'
import type { Carrier } from './carrier.ts'
import type { Channel } from './channel.ts'
import type { Clock } from './clock.ts'
import type { Flusher } from './flusher.ts'
import type { Key, KeyOf } from './handlers.ts'
import type { PeerIdentity } from './handshake.ts'
import type { HeartbeatPlan } from './heartbeat.ts'
import type { Lane } from './lane.ts'
import type { NetLimits } from './limits.ts'
import type { Protocol } from './protocol.ts'
import type { RunPolicy, Runner } from './runner.ts'

/** How a message is sent. Kept as a constant, it costs nothing. */
export interface SendOptions {
  /** `normal` when missing. */
  readonly lane?: Lane
  /** On the unreliable lane: a newer message of this key replaces one that was not sent yet. */
  readonly key?: Key
}

/** How a channel keeps watch over the other side. */
export interface HeartbeatOptions<M> extends HeartbeatPlan {
  /** Called each interval in which the other side has been silent for the timeout, in place of destroying the channel. */
  readonly onTimeout?: (channel: Channel<M>) => void
}

/** What a channel has done, for metrics. */
export interface ChannelCounts {
  readonly messagesSent: number
  readonly messagesReceived: number
  readonly batchesSent: number
  readonly bytesSent: number
  readonly bytesReceived: number
  /** What waits to be sent, and what waits to be processed. */
  readonly queuedBytes: number
  readonly heldBytes: number
  readonly droppedUnreliable: number
  /** Messages for which there was no handler, and handlers that failed. */
  readonly unhandled: number
  readonly faults: number
}

/** Where the messages go for which a channel itself has no handler; see `Sink`. */
export interface ChannelSink<M> {
  dispatch(message: M, channel: Channel<M>): unknown
  handleEnd(channel: Channel<M>): void
}

/** What a pipe makes a channel of. */
export interface ChannelParts<M> {
  readonly id: number
  readonly label: string
  readonly carrier: Carrier<M>
  readonly protocol: Protocol<M>
  readonly limits: NetLimits
  /** What the other side allows us, and what we allow it, on each reliable lane. */
  readonly credits: readonly number[]
  readonly windows: readonly number[]
  readonly identity: PeerIdentity | undefined
  /** Of the messages: the newest that both sides speak. */
  readonly version: number
  readonly clock: Clock
  readonly flusher: Flusher
  readonly runner: Runner
  readonly policy: RunPolicy
  readonly heartbeat: HeartbeatOptions<M> | undefined
  readonly keyOf: KeyOf<M> | undefined
  /** A handler failed, or an unreliable message could not cross. */
  handleFault(error: unknown, channel: Channel<M>): void
  /** It is over: closed when there is no error, destroyed otherwise. */
  handleEnd(channel: Channel<M>, error: EpicError | undefined): void
}
