/**
 * The network between node processes over `net`: a listening pipe and one that connects, batches as raw messages on its lanes.
 *
 * Both sides prove the cluster key before anything else, and the node id that a message claims is the one that its connection has
 * proved. When a lane has no credit left (the other side is behind), batches wait here, counted, and callers are refused before
 * more is written.
 */
import { EpicError, isEpicError } from '@epicserver/contracts'
import {
  anyKey,
  clusterKeyHandshake,
  createPipe,
  unixTransport,
  type Channel,
  type Lane,
  type Pipe,
} from '@epicserver/net'
import type { Log } from '../log.ts'
import type {
  PeerChannel,
  PeerChannelEvents,
  PeerLane,
  PeerNetwork,
} from '../cluster/peer-network.ts'

export interface SocketNetworkOptions {
  readonly nodeId: string
  readonly clusterId: string
  readonly clusterKey: string
  /** The unix socket on which this node listens. */
  readonly address: string
  readonly log: Log
}

const BATCH_BYTES_MAX = 64 * 1024 * 1024

export class SocketNetwork implements PeerNetwork {
  readonly #pipe: Pipe<Uint8Array>
  readonly #log: Log
  #accept: ((from: string, channel: PeerChannel) => PeerChannelEvents) | undefined

  /** Resolves when others can connect. */
  readonly listening: Promise<void>

  constructor({ nodeId, clusterId, clusterKey, address, log }: SocketNetworkOptions) {
    this.#log = log
    this.#pipe = createPipe<Uint8Array>({
      transport: unixTransport(),
      protocol: 'raw',
      handshake: clusterKeyHandshake(clusterKey, { clusterId, nodeId, role: 'node' }),
      limits: { messageBytesMax: BATCH_BYTES_MAX },
      log: { info: (line) => log.debug(line), warn: (line) => log.warn(line) },
    })
    this.#pipe.on('accepted', (channel) => this.#handleAccepted(channel))
    this.listening = this.#pipe.listen(address).then(() => undefined)
  }

  listen(accept: (from: string, channel: PeerChannel) => PeerChannelEvents): void {
    this.#accept = accept
  }

  open(nodeId: string, address: string, events: PeerChannelEvents): PeerChannel {
    const peer = new SocketChannel()
    this.#pipe.connect(address).then(
      (channel) => {
        if (channel.identity?.nodeId === nodeId) {
          peer.connect(channel, events)
          return
        }
        channel.destroy('it is another node')
        events.onClose('another node answers at its address')
      },
      (error: unknown) => {
        this.#log.debug('a node cannot be reached', { peer: nodeId, error })
        events.onClose('it cannot be reached')
      },
    )
    return peer
  }

  close(): void {
    this.#pipe.destroy('the node has ended')
  }

  #handleAccepted(channel: Channel<Uint8Array>): void {
    const from = channel.identity?.nodeId
    if (from === undefined || this.#accept === undefined) {
      channel.destroy('nobody takes it')
      return
    }
    const peer = new SocketChannel()
    peer.connect(channel, this.#accept(from, peer))
  }
}

class SocketChannel implements PeerChannel {
  #channel: Channel<Uint8Array> | undefined
  #isClosed = false
  #waiting: { readonly lane: Lane; readonly batch: Uint8Array }[] = []
  #waitingBytes = 0

  get backlogBytes(): number {
    return this.#waitingBytes + (this.#channel?.counts.queuedBytes ?? 0)
  }

  connect(channel: Channel<Uint8Array>, events: PeerChannelEvents): void {
    this.#channel = channel
    if (this.#isClosed) {
      channel.destroy('it is not needed any more')
      return
    }
    channel.onEnd((error) => {
      this.#isClosed = true
      events.onClose(error?.message ?? 'closed')
    })
    channel.on(anyKey, (batch) => events.onBatch(batch))
    this.#drain()
    events.onOpen?.()
  }

  send(lane: PeerLane, batch: Uint8Array): void {
    if (this.#isClosed) return
    if (this.#channel !== undefined && this.#waiting.length === 0 && this.#trySend(lane, batch))
      return
    this.#waiting.push({ lane, batch })
    this.#waitingBytes += batch.length
  }

  flush(): void {
    this.#channel?.flush()
  }

  close(): void {
    this.#isClosed = true
    void this.#channel?.close()
  }

  /** Says whether the lane took it; one that is full is asked again when it has room. */
  #trySend(lane: Lane, batch: Uint8Array): boolean {
    const channel = this.#channel as Channel<Uint8Array>
    try {
      channel.send(batch, SEND_OPTIONS[lane])
      return true
    } catch (error) {
      if (!isEpicError(error)) throw error
      if (error.code === 'Overloaded') void this.#drainWhenRoom(channel, lane)
      else if (error.code !== 'NodeLost') throw error
      return error.code === 'NodeLost'
    }
  }

  async #drainWhenRoom(channel: Channel<Uint8Array>, lane: Lane): Promise<void> {
    try {
      await channel.whenRoom(lane === 'unreliable' ? 'low' : lane)
    } catch (error) {
      if (error instanceof EpicError) return
      throw error
    }
    this.#drain()
  }

  #drain(): void {
    while (this.#waiting.length > 0 && !this.#isClosed) {
      const { lane, batch } = this.#waiting[0]!
      if (!this.#trySend(lane, batch)) return
      this.#waiting.shift()
      this.#waitingBytes -= batch.length
    }
  }
}

const SEND_OPTIONS: Readonly<Record<Lane, { readonly lane: Lane }>> = {
  control: { lane: 'control' },
  high: { lane: 'high' },
  normal: { lane: 'normal' },
  low: { lane: 'low' },
  unreliable: { lane: 'unreliable' },
}
