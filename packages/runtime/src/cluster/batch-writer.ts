/**
 * Gathers the messages for a channel: those of one tick leave as one batch for each lane, since a write costs as much as some twenty
 * calls.
 *
 * Where many are gathered they leave before the tick has ended, so that the other side works on them while this one goes on. Whoever
 * knows how many messages are under way says what many is: with half of them in each batch both sides are busy all the time.
 *
 * Each message is written when it is given, not when its batch leaves. What may be lost is no part of a batch.
 */
import type { Writer } from '@epicserver/wire'
import { RUNTIME_LIMITS } from '../limits.ts'
import { Introductions } from './introductions.ts'
import { PEER_LANES, type PeerChannel, type PeerLane } from './peer-network.ts'

/** So many leave at once in any case. */
const GATHERED_MAX = 512
/**
 * So few leave only when the tick ends. Small enough that a hundred callers fill two batches of one size: with 65 and 35 the two sides
 * fell into step, one waiting while the other worked, and did 0.6 M calls/s where halves do 0.8.
 */
const GATHERED_MIN = 32
/** A batch that has grown to this leaves as well: a larger one would only be cut into pieces again. */
const GATHERED_BYTES_MAX = 128 * 1024

/** What a batch writer needs of its node. */
export interface BatchHost {
  /** The node at the other end. */
  readonly nodeId: string
  newWriter(): Writer
  afterTurns(run: () => void): void
  /** The view that the node has; stands at the head of each batch. */
  viewNo(): number
  /** Whether the node may still speak for its entities. */
  maySend(): boolean
  /** So many messages leave. */
  handleSent(count: number): void
}

/** Gathers messages for a channel and sends them as one batch for each lane and tick, or as several where there are many. */
export class BatchWriter {
  /** Made when they are first used: most channels use one or two lanes. */
  readonly #writers: Partial<Record<PeerLane, Writer>> = {}
  #unreliable: Writer | undefined
  #introductions: Introductions | null = null
  readonly #channel: PeerChannel
  readonly #host: BatchHost
  #isScheduled = false
  #isClosed = false
  #gathered = 0

  constructor(channel: PeerChannel, host: BatchHost) {
    this.#channel = channel
    this.#host = host
  }

  /** The node at the other end. */
  get nodeId(): string {
    return this.#host.nodeId
  }

  /** The writer of a lane; what is written leaves at the end of the tick, or earlier when about so many messages are gathered. */
  lane(lane: PeerLane, gatheredMax: number = GATHERED_MAX): Writer {
    if (!this.#isScheduled) {
      this.#isScheduled = true
      this.#host.afterTurns(this.#flushAtEnd)
    }
    const writer = (this.#writers[lane] ??= this.#host.newWriter())
    this.#gathered += 1
    if (this.#isEnough(gatheredMax) || writer.length > GATHERED_BYTES_MAX) this.flush()
    if (writer.length === 0) writer.varuint(this.#host.viewNo())
    return writer
  }

  #isEnough(max: number): boolean {
    return this.#gathered > GATHERED_MIN && this.#gathered > Math.min(max, GATHERED_MAX)
  }

  /** The numbers by which entities are called through the channel. */
  get introductions(): Introductions {
    return (this.#introductions ??= new Introductions())
  }

  backlogBytes(lane: PeerLane): number {
    return this.#channel.backlogBytes(lane)
  }

  /** Why a lane takes nothing more: the other side is behind; undefined while it does. */
  overload(lane: PeerLane): string | undefined {
    const bytes = this.backlogBytes(lane)
    const { backlogBytesMax } = RUNTIME_LIMITS
    if (bytes < backlogBytesMax) return undefined
    return `its ${lane} lane holds ${bytes} of ${backlogBytesMax} bytes that wait for the other side`
  }

  /** Sends one message that may be lost, on its own; it is written by `write`. */
  sendUnreliable(write: (writer: Writer) => void, key: string | undefined): void {
    const writer = (this.#unreliable ??= this.#host.newWriter())
    writer.reset()
    writer.varuint(this.#host.viewNo())
    write(writer)
    if (!this.#isClosed && this.#host.maySend()) this.#channel.sendUnreliable(writer.take(), key)
  }

  readonly #flushAtEnd = (): void => {
    this.#isScheduled = false
    this.flush()
  }

  flush(): void {
    this.#host.handleSent(this.#gathered)
    this.#gathered = 0
    this.#introductions?.handleBatchEnd()
    const maySend = !this.#isClosed && this.#host.maySend()
    for (const lane of PEER_LANES) {
      const writer = this.#writers[lane]
      if (writer === undefined || writer.length === 0) continue
      if (maySend || lane === 'control') this.#channel.send(lane, writer.take())
      else this.#introductions?.handleDropped(lane)
      writer.reset()
    }
    this.#channel.flush?.()
  }

  close(): void {
    this.#isClosed = true
  }
}
