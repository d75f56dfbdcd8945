/**
 * The network between node processes over `net`: one pipe for each kind of way, on which batches travel as raw messages in lanes.
 *
 * It listens before the node has an id, so that an address which cannot be had is known before anybody counts on this node; who
 * comes before that is not let in. Both sides prove themselves before anything else, and the node id that a message claims is the one
 * that its connection has proved.
 *
 * Someone of another role than `node` only knocks, to learn whether it would fit: the channel ends as soon as it stands.
 */
import { EpicError } from '@epicserver/contracts'
import {
  createPipe,
  type Channel,
  type Handshake,
  type Pipe,
  type PipeCounts,
  type Versions,
} from '@epicserver/net'
import type { PeerChannel, PeerChannelEvents, PeerNetwork } from '../cluster/peer-network.ts'
import type { Log } from '../log.ts'
import type { NodeRoute } from './cluster/node-routes.ts'
import { PEER_VERSIONS } from './peer-versions.ts'
import { SocketChannel } from './socket-channel.ts'

export interface SocketNetworkOptions {
  /** The ways to other nodes; the first on which a node is to be had is taken. */
  readonly routes: readonly NodeRoute[]
  /** What else must be equal on both sides, as text. */
  readonly compatibility?: string
  /** Which versions of the messages between nodes are spoken; for tests of a rolling upgrade. */
  readonly versions?: Versions
  readonly log: Log
}

const BATCH_BYTES_MAX = 64 * 1024 * 1024

interface Way {
  readonly route: NodeRoute
  readonly pipe: Pipe<Uint8Array>
}

export class SocketNetwork implements PeerNetwork {
  readonly #ways: readonly Way[]
  readonly #log: Log
  #handshakes: ReadonlyMap<NodeRoute, Handshake> = new Map()
  /** Channels that stand, with their way. */
  readonly #standing = new Map<SocketChannel, NodeRoute>()
  #accept: ((from: string, channel: PeerChannel) => PeerChannelEvents) | undefined

  /**
   * Listens on all ways.
   * @throws EpicError `Unavailable` when an address cannot be had, `Unauthorized` when it would let others in without proof
   */
  static async listen(options: SocketNetworkOptions): Promise<SocketNetwork> {
    const network = new SocketNetwork(options)
    try {
      for (const { route, pipe } of network.#ways) await pipe.listen(route.listenAt)
    } catch (error) {
      network.close()
      throw error
    }
    return network
  }

  private constructor({
    routes,
    compatibility = '',
    versions = PEER_VERSIONS,
    log,
  }: SocketNetworkOptions) {
    this.#log = log
    this.#ways = routes.map((route) => {
      const pipe = createPipe<Uint8Array>({
        transport: route.transport,
        protocol: 'raw',
        compatibility,
        versions,
        handshake: (raw) => this.#handshakeOf(route)(raw),
        limits: { messageBytesMax: BATCH_BYTES_MAX },
        log: { info: (line) => log.debug(line), warn: (line) => log.warn(line) },
      })
      pipe.on('accepted', (channel) => this.#handleAccepted(channel, route))
      return { route, pipe }
    })
  }

  /** Where it listens, in the order of its routes. */
  get addresses(): readonly string[] {
    return this.#ways.map(({ pipe }) => pipe.address)
  }

  /** What became of those who came, in the order of its routes. */
  get counts(): readonly PipeCounts[] {
    return this.#ways.map(({ pipe }) => pipe.counts)
  }

  /** How many who came were not let in, for whatever reason. */
  get refused(): number {
    return this.counts.reduce((sum, each) => sum + refusedOf(each), 0)
  }

  /** Gives the node its id: from now on others are let in. */
  identify(nodeId: string): void {
    this.#handshakes = new Map(this.#ways.map(({ route }) => [route, route.handshakeFor(nodeId)]))
  }

  listen(accept: (from: string, channel: PeerChannel) => PeerChannelEvents): void {
    this.#accept = accept
  }

  open(nodeId: string, address: string, events: PeerChannelEvents): PeerChannel {
    const peer = new SocketChannel()
    this.#connect(address).then(
      ({ channel, route }) => {
        if (channel.identity?.nodeId === nodeId) {
          this.#noteStanding(peer, channel, route)
          peer.connect(channel, events)
          return
        }
        channel.destroy('it is another node')
        events.onClose('another node answers at its address')
      },
      (error: unknown) => {
        this.#log.debug('a node cannot be reached', { peer: nodeId, address, error })
        events.onClose('it cannot be reached')
      },
    )
    return peer
  }

  /** Other keys count from now on: channels on which somebody has proved itself by one that does not are to be replaced. */
  handleKeysReplaced(): void {
    for (const [peer, route] of [...this.#standing]) {
      const { secretId } = peer
      if (secretId !== undefined && route.accepts?.(secretId) === false) peer.handleStale()
    }
  }

  close(): void {
    for (const { pipe } of this.#ways) pipe.destroy('the node has ended')
  }

  async #connect(address: string): Promise<{ channel: Channel<Uint8Array>; route: NodeRoute }> {
    for (const { route, pipe } of this.#ways) {
      const target = route.targetOf(address)
      if (target !== undefined) return { channel: await pipe.connect(target), route }
    }
    throw new EpicError('Unavailable', `Cannot connect to ${address}: no way leads there`)
  }

  #handshakeOf(route: NodeRoute): Handshake {
    const handshake = this.#handshakes.get(route)
    if (handshake !== undefined) return handshake
    return () =>
      Promise.reject(new EpicError('Unavailable', 'Cannot let anybody in: this node has no id yet'))
  }

  #noteStanding(peer: SocketChannel, channel: Channel<Uint8Array>, route: NodeRoute): void {
    this.#standing.set(peer, route)
    channel.onEnd(() => this.#standing.delete(peer))
  }

  #handleAccepted(channel: Channel<Uint8Array>, route: NodeRoute): void {
    const { identity } = channel
    if (identity === undefined || identity.role !== 'node' || this.#accept === undefined) {
      void channel.close()
      return
    }
    const peer = new SocketChannel()
    this.#noteStanding(peer, channel, route)
    peer.connect(channel, this.#accept(identity.nodeId, peer))
  }
}

function refusedOf(counts: PipeCounts): number {
  const { refusedFull, refusedFailing, unauthorized, incompatible, broken, timedOut, lost } = counts
  return refusedFull + refusedFailing + unauthorized + incompatible + broken + timedOut + lost
}
