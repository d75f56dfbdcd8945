/**
 * The network between simulated hosts: channels that deliver in order, late, or break.
 *
 * Like a TCP connection, a channel loses nothing as long as it lives: what cannot pass a partition is kept for a while, and if the
 * partition lasts, the channel breaks on both sides, each at its own time, with an unknown part delivered. Partitions may be
 * one-way. A dead process's channels break when the news can reach the other side.
 */
import type { PeerChannel, PeerChannelEvents, PeerLane, PeerNetwork } from '@epicserver/runtime'
import type { HostClock } from './host-clock.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { VirtualTime } from './virtual-time.ts'

export interface NetworkOptions {
  readonly latencyMs: readonly [low: number, high: number]
  /** How long a channel waits for a partition to end. */
  readonly breakAfterMs: readonly [low: number, high: number]
}

/** A process on the network. */
interface Port {
  readonly host: string
  readonly nodeId: string
  readonly clock: HostClock
  readonly channels: Set<Channel>
  accept: ((from: string, channel: PeerChannel) => PeerChannelEvents) | null
  isUp: boolean
}

export class SimulatedNetwork {
  readonly #time: VirtualTime
  readonly #random: SeededRandom
  readonly #options: NetworkOptions
  readonly #ports = new Map<string, Port>()
  /** Pairs of hosts, `from>to`, between which nothing passes. */
  readonly #cuts = new Set<string>()
  /** Called for each batch that leaves; the place where a process may crash. */
  onSend: (host: string) => void = () => undefined

  constructor(time: VirtualTime, random: SeededRandom, options: NetworkOptions) {
    this.#time = time
    this.#random = random
    this.#options = options
  }

  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`)
  }

  heal(): void {
    this.#cuts.clear()
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.has(`${from}>${to}`)
  }

  latency(): number {
    return this.#random.between(...this.#options.latencyMs)
  }

  breakDelay(): number {
    return this.#random.between(...this.#options.breakAfterMs)
  }

  get time(): VirtualTime {
    return this.#time
  }

  /** The network as a process of `host` sees it; its address is the host's name. */
  attach(host: string, nodeId: string, clock: HostClock): PeerNetwork {
    const port: Port = { host, nodeId, clock, channels: new Set(), accept: null, isUp: true }
    this.#ports.set(nodeId, port)
    return {
      open: (to, _address, events) => this.#open(port, to, events),
      listen: (accept) => {
        port.accept = accept
      },
      close: () => this.#close(port),
    }
  }

  #open(from: Port, to: string, events: PeerChannelEvents): PeerChannel {
    const near = new Channel(this, from, events)
    this.#time.after(this.latency(), () => {
      const target = this.#ports.get(to)
      if (target === undefined || !target.isUp || target.accept === null || this.isCut(from.host, target.host) || near.isEnded) {
        near.end('refused')
        return
      }
      const far = new Channel(this, target, undefined)
      near.connect(far)
      far.connect(near)
      target.clock.deliver(() => {
        if (target.accept === null || !target.isUp) near.end('refused')
        else far.events = target.accept(from.nodeId, far)
      })
    })
    return near
  }

  #close(port: Port): void {
    port.isUp = false
    for (const channel of port.channels) channel.close()
  }
}

class Channel implements PeerChannel {
  readonly #network: SimulatedNetwork
  readonly port: Port
  events: PeerChannelEvents | undefined
  #other: Channel | undefined
  #early: Uint8Array[] = []
  #arrivesAt = 0
  isEnded = false
  backlogBytes = 0

  constructor(network: SimulatedNetwork, port: Port, events: PeerChannelEvents | undefined) {
    this.#network = network
    this.port = port
    this.events = events
    port.channels.add(this)
  }

  connect(other: Channel): void {
    this.#other = other
    const early = this.#early
    this.#early = []
    for (const batch of early) this.#transmit(batch)
  }

  send(_lane: PeerLane, batch: Uint8Array): void {
    this.#network.onSend(this.port.host)
    if (this.isEnded || !this.port.isUp) return
    if (this.#other === undefined) this.#early.push(batch)
    else this.#transmit(batch)
  }

  close(): void {
    const other = this.#other
    this.isEnded = true
    this.port.channels.delete(this)
    if (other !== undefined) this.#network.time.after(this.#network.latency(), () => other.end('the other side closed'))
  }

  /** The channel breaks on this side. */
  end(reason: string): void {
    if (this.isEnded) return
    this.isEnded = true
    this.port.channels.delete(this)
    this.port.clock.deliver(() => {
      if (this.port.isUp) this.events?.onClose(reason)
    })
  }

  #transmit(batch: Uint8Array): void {
    const { time } = this.#network
    this.#arrivesAt = Math.max(this.#arrivesAt, time.now + this.#network.latency())
    time.at(this.#arrivesAt, () => this.#arrive(batch))
  }

  #arrive(batch: Uint8Array): void {
    const other = this.#other
    if (other === undefined || other.isEnded) return
    if (this.#network.isCut(this.port.host, other.port.host)) {
      this.#stall(other)
      return
    }
    other.port.clock.deliver(() => {
      if (!other.isEnded && other.port.isUp) other.events?.onBatch(batch)
    })
  }

  /** What meets a partition is lost with the channel: to the sender that is the same as a late break. */
  #stall(other: Channel): void {
    const { time } = this.#network
    time.after(this.#network.breakDelay(), () => this.end('timed out'))
    time.after(this.#network.breakDelay(), () => other.end('timed out'))
    this.#other = undefined
    this.#early = []
  }
}
