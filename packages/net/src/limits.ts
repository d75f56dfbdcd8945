/**
 * What a stranger, a slow peer or a busy program may cost, each with its reason. What a deployment may want otherwise is in
 * {@link NetLimits}, given to a pipe; the rest are constants.
 */
import { MESSAGE_BYTES_MAX } from '@epicserver/contracts'
import type { PerLane } from './lane.ts'

const KB = 1024
const MB = 1024 * KB

/** What a pipe allows each of its channels, and all of them together. */
export interface NetLimits {
  /** One message. */
  readonly messageBytesMax: number
  /** What waits to be sent, a lane; beyond it `send` throws `Overloaded`. */
  readonly queueBytesMax: PerLane<number>
  /** What the other side may have sent and we have not processed yet, a lane: its credit. */
  readonly windowBytes: PerLane<number>
  /** What unreliable traffic may hold at either end: messages waiting to be sent, messages received and not processed. */
  readonly unreliableMessagesMax: number
  readonly unreliableBytesMax: number
  /** Channels of a pipe that are open at once. */
  readonly channelsMax: number
  /** What a connection may cost before it has proved anything: bytes, time, and one of so many places. */
  readonly handshakeBytesMax: number
  readonly handshakeTimeoutMs: number
  readonly handshakePlacesMax: number
  /** How long `close()` waits for the rest to be delivered before it destroys. */
  readonly closeTimeoutMs: number
}

/**
 * The defaults.
 *
 * - A message: what contracts allow everywhere.
 * - Queues: a second of a fast sender (500 k calls/s of 30 bytes are 15 MB/s) is too much delay to be worth keeping; a quarter
 *   of one is what a garbage collection at the other end takes. Control carries little, and must not hold much.
 * - Windows: a window a round trip is the most a lane carries; 4 MB carry 400 MB/s over 10 ms. They are what a peer can make us
 *   hold: 9.25 MB a channel, and one message more a lane.
 * - Unreliable: some twenty updates for each of fifty visible things; older ones are worth nothing.
 * - Channels: what the file handles of an ordinary process (half of 20,000) allow.
 * - Before it has proved anything: a nonce, a proof and an identity are 400 bytes; 4 KB are plenty. 5 s are many round trips,
 *   and 64 places with 4 KB cost nobody anything.
 * - Closing: a peer that takes nothing for 5 s is not slow but gone.
 */
export const DEFAULT_LIMITS: NetLimits = {
  messageBytesMax: MESSAGE_BYTES_MAX,
  queueBytesMax: { control: MB, high: 4 * MB, normal: 4 * MB, low: 4 * MB },
  windowBytes: { control: 256 * KB, high: 4 * MB, normal: 4 * MB, low: MB },
  unreliableMessagesMax: 1024,
  unreliableBytesMax: 256 * KB,
  channelsMax: 10_000,
  handshakeBytesMax: 4 * KB,
  handshakeTimeoutMs: 5_000,
  handshakePlacesMax: 64,
  closeTimeoutMs: 5_000,
}

/**
 * A batch is closed and waits to be written once it holds this: what one read of a socket takes, and small enough that a more
 * urgent lane waits behind little.
 */
export const BATCH_BYTES: number = 64 * KB

/**
 * What a batch counts for beside its bytes, in windows and queues: what keeping it costs. Without it a peer could fill a window
 * of 4 MB with four million batches of one byte, and us with a gigabyte of their bookkeeping.
 */
export const BATCH_OVERHEAD = 256

/** A batch that one message made larger than this crosses in pieces, so that control overtakes it. */
export const FRAGMENT_BYTES: number = 128 * KB

/**
 * When so much lies in the socket, no more is put there: it could not be overtaken any more. Twice the 208 KB that a unix
 * socket's kernel buffer holds, so that the kernel never runs dry between two writes.
 */
export const CONGESTED_BYTES: number = 256 * KB

/** What a message handed over without encoding counts for in queues and windows: that of a call with a few arguments. */
export const OBJECT_COST = 256

/** Text that one side tells the other, such as the reason of a refusal, is cut to this. */
export const REASON_UNITS_MAX = 200

/** How long a refusal may take to reach the other side before the connection is cut: many round trips. */
export const REFUSAL_LINGER_MS = 500

/** How often a channel over bytes asks whether the other side lives, and when it gives up: well within a minute, at no cost. */
export const HEARTBEAT_INTERVAL_MS = 5_000
export const HEARTBEAT_TIMEOUT_MS = 15_000

/** One runnable's turn, before others of its urgency get theirs: long enough that turns cost nothing. */
export const TURN_MS = 2

/** What processing may take before sockets are read again: well below any heartbeat's interval. */
export const DRAIN_MS = 8

/** Between two looks at the clock within a turn: a look costs 40 ns, a message some 500 ns. */
export const MESSAGES_PER_CLOCK_LOOK = 16

/** Failed attempts to authenticate that one address may make at once, and how many it gets back a second. */
export const FAILED_ATTEMPTS_BURST = 10
export const FAILED_ATTEMPTS_PER_SECOND = 1

/** Addresses that are remembered for having failed; the longest quiet is forgotten first. */
export const FAILED_ADDRESSES_MAX = 4096
