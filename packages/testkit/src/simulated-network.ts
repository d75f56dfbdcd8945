/**
 * The network between simulated processes: channels that deliver in order, late, or break.
 *
 * Like a TCP connection, a channel loses nothing as long as it lives, and each lane is in order; lanes may overtake each other,
 * and in bad weather the control lane is no better than datagrams, since the fabric's protocol needs no more. A cut stalls it; if
 * the cut lasts, the channel breaks on both sides, each at its own time, with an unknown part delivered. Cuts may be one-way. The
 * channels of a dead process break when the news reaches the other side; what was under way may still arrive before.
 */
import type { PeerChannel, PeerChannelEvents, PeerLane, PeerNetwork } from '@epicserver/runtime'
import { CHANNEL_PATIENCE_MS } from './limits.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { VirtualTime } from './virtual-time.ts'

type Range = readonly [low: number, high: number]

export interface NetworkWeather {
  latencyMs: Range
  /** Chance of a batch to take much longer, and how long. */
  tail: number
  tailMs: Range
  /** Whether one lane of a channel may overtake another. */
  areLanesApart: boolean
  /** Shares of the control batches that are lost, that come twice, and that come late and out of order. */
  controlLost: number
  controlDoubled: number
  controlLate: number
}

export const FAIR_NETWORK: Readonly<NetworkWeather> = {
  latencyMs: [0.05, 0.5],
  tail: 0,
  tailMs: [1, 100],
  areLanesApart: false,
  controlLost: 0,
  controlDoubled: 0,
  controlLate: 0,
}

/** How late a control batch may come. */
const CONTROL_LATE_MS: Range = [1, 2_000]
/** By how much a batch is late at most where a mutation lets it be overtaken. */
const DISORDER_MS_MAX = 20

/** A process, as far as the network is concerned. */
export interface NetworkProcess {
  readonly host: string
  readonly isAlive: boolean
  /** Runs something in the process: now, when it goes on, or never. */
  receive(what: string, run: () => void): void
  /** Something is about to leave; says whether the process still lives to send it. */
  send(what: string): boolean
}

/** A process on the network, under the id of its node. */
interface Port {
  readonly nodeId: string
  readonly process: NetworkProcess
  readonly channels: Set<Channel>
  accept: ((from: string, channel: PeerChannel) => PeerChannelEvents) | null
}

export class SimulatedNetwork {
  readonly time: VirtualTime
  readonly weather: NetworkWeather = { ...FAIR_NETWORK }
  /** A mutation for tests of the tests: without it a channel may deliver in any order. */
  isOrdered = true
  readonly #random: SeededRandom
  readonly #ports = new Map<string, Port>()
  /** Pairs of hosts, `from>to`, between which nothing passes; counted, since cuts may overlap. */
  readonly #cuts = new Map<string, number>()

  constructor(time: VirtualTime, random: SeededRandom) {
    this.time = time
    this.#random = random
  }

  cut(from: string, to: string): void {
    const pair = `${from}>${to}`
    this.#cuts.set(pair, (this.#cuts.get(pair) ?? 0) + 1)
  }

  /** Ends one cut; ending one that is over is no error. */
  mend(from: string, to: string): void {
    const pair = `${from}>${to}`
    const left = (this.#cuts.get(pair) ?? 1) - 1
    if (left === 0) this.#cuts.delete(pair)
    else this.#cuts.set(pair, left)
  }

  /** Ends all cuts. */
  heal(): void {
    this.#cuts.clear()
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.has(`${from}>${to}`)
  }

  latency(): number {
    const { latencyMs, tail, tailMs } = this.weather
    return this.#random.between(...(this.#random.chance(tail) ? tailMs : latencyMs))
  }

  /** When the copies of a control batch arrive, however many there are. */
  controlLatencies(): number[] {
    const { controlLost, controlDoubled, controlLate } = this.weather
    const random = this.#random
    const draw = (): number =>
      this.latency() + (random.chance(controlLate) ? random.between(...CONTROL_LATE_MS) : 0)
    if (random.chance(controlLost)) return []
    return random.chance(controlDoubled) ? [draw(), draw()] : [draw()]
  }

  /** Whether the control lane is worse than a connection at the moment. */
  get isControlLoose(): boolean {
    const { controlLost, controlDoubled, controlLate } = this.weather
    return controlLost + controlDoubled + controlLate > 0
  }

  /** By how much a batch is late that may be overtaken. */
  disorderMs(): number {
    return this.#random.chance(0.2) ? this.#random.between(0, DISORDER_MS_MAX) : 0
  }

  patience(): number {
    return this.#random.between(...CHANNEL_PATIENCE_MS)
  }

  /** The network as a process sees it. */
  attach(nodeId: string, process: NetworkProcess): PeerNetwork {
    const port: Port = { nodeId, process, channels: new Set(), accept: null }
    this.#ports.set(nodeId, port)
    return {
      open: (to, _address, events) => this.#open(port, to, events),
      listen: (accept) => {
        port.accept = accept
      },
      close: () => this.#detach(port),
    }
  }

  #open(from: Port, to: string, events: PeerChannelEvents): PeerChannel {
    const near = new Channel(this, from, events)
    this.time.after(this.latency(), () => this.#arrive(near, to))
    return near
  }

  #arrive(near: Channel, to: string): void {
    const target = this.#ports.get(to)
    const { host } = near.port.process
    if (target === undefined || !target.process.isAlive) {
      near.end('refused')
    } else if (this.isCut(host, target.process.host) || this.isCut(target.process.host, host)) {
      this.time.after(this.patience(), () => near.end('unreachable'))
    } else if (!near.isEnded) {
      target.process.receive(`a channel from ${near.port.nodeId}`, () => this.#accept(near, target))
    }
  }

  #accept(near: Channel, target: Port): void {
    if (target.accept === null || near.isEnded) {
      near.end('refused')
      return
    }
    const far = new Channel(this, target, undefined)
    far.connect(near)
    far.events = target.accept(near.port.nodeId, far)
    this.time.after(this.latency(), () => {
      near.port.process.receive(`a channel to ${target.nodeId} is open`, () => near.connect(far))
    })
  }

  #detach(port: Port): void {
    this.#ports.delete(port.nodeId)
    for (const channel of port.channels) channel.close()
  }
}

class Channel implements PeerChannel {
  readonly #network: SimulatedNetwork
  readonly port: Port
  events: PeerChannelEvents | undefined
  #other: Channel | undefined
  #early: { readonly lane: PeerLane; readonly batch: Uint8Array }[] = []
  /** When the last batch of each lane arrives, and when the last of all. */
  readonly #arrivesAt: Partial<Record<PeerLane, number>> = {}
  #lastArrival = 0
  #isStalled = false
  isEnded = false

  constructor(network: SimulatedNetwork, port: Port, events: PeerChannelEvents | undefined) {
    this.#network = network
    this.port = port
    this.events = events
    port.channels.add(this)
  }

  connect(other: Channel): void {
    this.#other = other
    for (const { lane, batch } of this.#early.splice(0)) this.#transmit(lane, batch)
    if (!this.isEnded) this.events?.onOpen?.()
  }

  send(lane: PeerLane, batch: Uint8Array): void {
    if (this.isEnded || !this.port.process.send(`${batch.length} bytes, ${lane}`)) return
    if (this.#other === undefined) this.#early.push({ lane, batch })
    else this.#transmit(lane, batch)
  }

  /** Arrives in any order; one that meets a cut is lost, and nothing else with it. */
  sendUnreliable(message: Uint8Array): void {
    if (this.isEnded || !this.port.process.send(`${message.length} bytes, unreliable`)) return
    const other = this.#other
    if (other === undefined) return
    this.#network.time.after(this.#network.latency(), () => {
      if (!this.#network.isCut(this.port.process.host, other.port.process.host))
        this.#arrive(message)
    })
  }

  backlogBytes(): number {
    return 0
  }

  close(): void {
    if (this.isEnded) return
    this.isEnded = true
    this.port.channels.delete(this)
    const { time } = this.#network
    const last = Math.max(this.#lastArrival, time.now + this.#network.latency())
    time.at(last, () => this.#other?.end('the other side closed'))
  }

  /** The channel breaks on this side. */
  end(reason: string): void {
    if (this.isEnded) return
    this.isEnded = true
    this.port.channels.delete(this)
    this.port.process.receive('the end of a channel', () => this.events?.onClose(reason))
  }

  #transmit(lane: PeerLane, batch: Uint8Array): void {
    const { time, isOrdered, isControlLoose, weather } = this.#network
    if (lane === 'control' && isControlLoose) {
      for (const latencyMs of this.#network.controlLatencies())
        time.after(latencyMs, () => this.#arrive(batch))
      return
    }
    const arrivesAt = time.now + this.#network.latency()
    const before = weather.areLanesApart ? (this.#arrivesAt[lane] ?? 0) : this.#lastArrival
    const inOrderAt = Math.max(before, arrivesAt)
    this.#arrivesAt[lane] = inOrderAt
    this.#lastArrival = Math.max(this.#lastArrival, inOrderAt)
    const unorderedAt = (): number => arrivesAt + this.#network.disorderMs()
    time.at(isOrdered ? inOrderAt : unorderedAt(), () => this.#arrive(batch))
  }

  #arrive(batch: Uint8Array): void {
    const other = this.#other as Channel
    if (other.isEnded || this.#isStalled) return
    if (this.#network.isCut(this.port.process.host, other.port.process.host)) {
      this.#stall(other)
      return
    }
    other.port.process.receive(`${batch.length} bytes`, () => {
      if (!other.isEnded) other.events?.onBatch(batch)
    })
  }

  /** What meets a cut is lost with the channel: to the sender that is the same as a late break. */
  #stall(other: Channel): void {
    const { time } = this.#network
    this.#isStalled = true
    time.after(this.#network.patience(), () => this.end('timed out'))
    time.after(this.#network.patience(), () => other.end('timed out'))
  }
}
