/**
 * The socket of multicast DNS over IPv6 (ff02::fb, port 5353), shared with whoever else on this machine speaks it.
 *
 * It joins the group on every interface that has an IPv6 address, also on those that come later. What it sends stays on the link (hop
 * limit 1). In a flood it is closed for a moment, so that the packets end in the kernel, and then opened again.
 */
import { createSocket } from 'node:dgram'
import type { RemoteInfo, Socket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import { EpicError } from '@epicserver/contracts'
import type { Packet } from './beacon-finder.ts'
import { FloodGate } from './flood-gate.ts'
import { isLinkLocal } from './ip-bytes.ts'
import { INTERFACES_LOOK_MS } from './limits.ts'

const GROUP = 'ff02::fb'
const MDNS_PORT = 5353

/** An interface that multicast goes through, with this machine's addresses on it. */
export interface LinkInterface {
  readonly name: string
  readonly addresses: readonly string[]
}

export interface MulticastSocketOptions {
  /** 5353, unless a test has a network of its own. */
  readonly port?: number
  handlePacket(packet: Packet, from: RemoteInfo): void
  /** Something went wrong that may pass, such as an interface that went away. */
  handleTrouble(error: Error): void
}

/** What the socket has seen, for metrics. */
export interface MulticastCounts {
  readonly packets: number
  readonly floods: number
  readonly troubles: number
}

export class MulticastSocket {
  readonly #options: MulticastSocketOptions
  readonly #port: number
  readonly #gate = new FloodGate()
  #socket: Socket | undefined
  #joined = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  #packets = 0
  #troubles = 0

  /** @throws EpicError `Unavailable` where this host has no IPv6, or the port cannot be had. */
  static async open(options: MulticastSocketOptions): Promise<MulticastSocket> {
    if (linkInterfaces().length === 0) throw noIpv6('no interface has an IPv6 address')
    const socket = new MulticastSocket(options)
    await socket.#bind()
    return socket
  }

  private constructor(options: MulticastSocketOptions) {
    this.#options = options
    this.#port = options.port ?? MDNS_PORT
  }

  get counts(): MulticastCounts {
    return { packets: this.#packets, floods: this.#gate.floods, troubles: this.#troubles }
  }

  /** Sends to everyone on one interface; what cannot be sent is trouble, and the next attempt may succeed. */
  send(bytes: Uint8Array, { name }: LinkInterface): void {
    this.#socket?.send(bytes, this.#port, `${GROUP}%${name}`, (error) => {
      if (error !== null) this.#handleTrouble(error)
    })
  }

  close(): void {
    this.#isClosed = true
    this.#unbind()
  }

  async #bind(): Promise<void> {
    const socket = createSocket({ type: 'udp6', reuseAddr: true })
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (cause: NodeJS.ErrnoException) => reject(bindError(this.#port, cause)))
      socket.bind(this.#port, '::', () => {
        socket.removeAllListeners('error')
        resolve()
      })
    })
    if (this.#isClosed) {
      socket.close()
      return
    }
    socket.on('error', (error) => this.#handleTrouble(error))
    socket.on('message', (bytes, from) => this.#handleMessage(bytes, from))
    socket.setMulticastTTL(1)
    this.#socket = socket
    this.#join()
  }

  #unbind(): void {
    clearTimeout(this.#timer)
    this.#socket?.close()
    this.#socket = undefined
    this.#joined.clear()
  }

  /** Joins on interfaces that came since the last look. */
  #join(): void {
    const names = linkInterfaces().map(({ name }) => name)
    for (const name of names) {
      if (this.#joined.has(name)) continue
      try {
        this.#socket?.addMembership(GROUP, `::%${name}`)
      } catch (error) {
        this.#handleTrouble(error as Error)
      }
    }
    this.#joined = new Set(names)
    this.#timer = setTimeout(() => this.#join(), INTERFACES_LOOK_MS)
    this.#timer.unref()
  }

  #handleMessage(bytes: Uint8Array, from: RemoteInfo): void {
    this.#packets += 1
    const pauseMs = this.#gate.handlePacket(performance.now())
    if (pauseMs > 0) {
      this.#unbind()
      this.#timer = setTimeout(() => {
        this.#bind().catch((error: Error) => this.#handleTrouble(error))
      }, pauseMs)
      this.#timer.unref()
      return
    }
    const scope = from.address.split('%', 2)[1]
    this.#options.handlePacket({ bytes, scope }, from)
  }

  #handleTrouble(error: Error): void {
    this.#troubles += 1
    this.#options.handleTrouble(error)
  }
}

/** The interfaces that have IPv6, beside loopback. */
export function linkInterfaces(): LinkInterface[] {
  return Object.entries(networkInterfaces()).flatMap(([name, infos = []]) => {
    const outer = infos.filter(({ internal }) => !internal)
    if (!outer.some(({ family }) => family === 'IPv6')) return []
    const addresses = outer.map(({ address }) => address)
    // What others reach from farther away comes first, IPv6 before IPv4.
    const rank = (address: string): number =>
      isLinkLocal(address) ? 2 : address.includes(':') ? 0 : 1
    return [{ name, addresses: addresses.toSorted((a, b) => rank(a) - rank(b)) }]
  })
}

function bindError(port: number, cause: NodeJS.ErrnoException): EpicError {
  if (cause.code === 'EAFNOSUPPORT' || cause.code === 'EADDRNOTAVAIL') return noIpv6(cause.message)
  return new EpicError(
    'Unavailable',
    `Cannot listen for multicast at port ${port}: ${cause.message}`,
    { cause },
  )
}

function noIpv6(found: string): EpicError {
  return new EpicError(
    'Unavailable',
    `Cannot find machines by IPv6 multicast: ${found}. Switch IPv6 on (sysctl net.ipv6.conf.all.disable_ipv6=0): ` +
      'each interface then has a link-local address, which nobody beyond the link reaches, and a host opens nothing by ' +
      'having an address, only by listening. Or name a machine of the cluster instead: --join host:3030',
  )
}
