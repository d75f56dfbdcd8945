/**
 * A channel between two nodes over one of `net`: what a lane has no room for waits here, apart for each lane, so that a flood on one
 * delays no other, and least of all what keeps the cluster together.
 *
 * A lane of `net` is full when the other side does not keep up. What waits here beyond it is counted: callers are refused before it
 * grows without bounds. What may be lost never waits.
 */
import { EpicError, isEpicError } from '@epicserver/contracts'
import { anyKey, type Channel } from '@epicserver/net'
import {
  PEER_LANES,
  type PeerChannel,
  type PeerChannelEvents,
  type PeerLane,
} from '../cluster/peer-network.ts'

/** Batches of one lane that its channel could not take yet. */
class Backlog {
  readonly lane: PeerLane
  readonly batches: Uint8Array[] = []
  bytes = 0
  /** Somebody waits for room already. */
  isAwaited = false

  constructor(lane: PeerLane) {
    this.lane = lane
  }
}

export class SocketChannel implements PeerChannel {
  readonly #backlogs = Object.fromEntries(
    PEER_LANES.map((lane) => [lane, new Backlog(lane)]),
  ) as Readonly<Record<PeerLane, Backlog>>
  #channel: Channel<Uint8Array> | undefined
  #events: PeerChannelEvents | undefined
  #isClosed = false

  get secretId(): string | undefined {
    return this.#channel?.identity?.keyId
  }

  /** The secret counts no more. */
  handleStale(): void {
    if (!this.#isClosed) this.#events?.onStale?.()
  }

  /** The channel stands: what has waited for it leaves. */
  connect(channel: Channel<Uint8Array>, events: PeerChannelEvents): void {
    this.#channel = channel
    this.#events = events
    if (this.#isClosed) {
      channel.destroy('it is not needed any more')
      return
    }
    channel.onEnd((error) => {
      this.#isClosed = true
      events.onClose(error?.message ?? 'closed')
    })
    // A channel closes in order, and brings what was on its way; to this one's user it has ended.
    channel.on(anyKey, (batch) => {
      if (!this.#isClosed) events.onBatch(batch)
    })
    for (const lane of PEER_LANES) this.#drain(this.#backlogs[lane])
    events.onOpen?.()
  }

  backlogBytes(lane: PeerLane): number {
    return this.#backlogs[lane].bytes
  }

  send(lane: PeerLane, batch: Uint8Array): void {
    if (this.#isClosed) return
    const backlog = this.#backlogs[lane]
    if (backlog.batches.length === 0 && this.#isTaken(backlog, batch)) return
    backlog.batches.push(batch)
    backlog.bytes += batch.length
  }

  sendUnreliable(message: Uint8Array, key: string | undefined): void {
    if (this.#isClosed || this.#channel?.state !== 'open') return
    this.#channel.send(message, { lane: 'unreliable', ...(key !== undefined && { key }) })
  }

  flush(): void {
    this.#channel?.flush()
  }

  close(): void {
    this.#isClosed = true
    void this.#channel?.close()
  }

  /** Whether the lane took a batch, or needs none any more; one that is full is asked again when it has room. */
  #isTaken(backlog: Backlog, batch: Uint8Array): boolean {
    const channel = this.#channel
    if (channel === undefined) return false
    try {
      channel.send(batch, SEND_OPTIONS[backlog.lane])
      return true
    } catch (error) {
      if (!isEpicError(error)) throw error
      if (error.code === 'Overloaded') void this.#drainWhenRoom(channel, backlog)
      else if (error.code !== 'NodeLost') throw error
      return error.code === 'NodeLost'
    }
  }

  async #drainWhenRoom(channel: Channel<Uint8Array>, backlog: Backlog): Promise<void> {
    if (backlog.isAwaited) return
    backlog.isAwaited = true
    try {
      await channel.whenRoom(backlog.lane)
    } catch (error) {
      // The channel has ended, and what waits for it is nobody's any more.
      if (error instanceof EpicError) return
      throw error
    } finally {
      backlog.isAwaited = false
    }
    this.#drain(backlog)
  }

  #drain(backlog: Backlog): void {
    let sent = 0
    while (sent < backlog.batches.length && !this.#isClosed) {
      const batch = backlog.batches[sent] as Uint8Array
      if (!this.#isTaken(backlog, batch)) break
      backlog.bytes -= batch.length
      sent += 1
    }
    backlog.batches.splice(0, sent)
  }
}

const SEND_OPTIONS: Readonly<Record<PeerLane, { readonly lane: PeerLane }>> = {
  control: { lane: 'control' },
  high: { lane: 'high' },
  normal: { lane: 'normal' },
  low: { lane: 'low' },
}
