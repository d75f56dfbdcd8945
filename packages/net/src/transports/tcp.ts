/**
 * Tcp, dual-stack, without delay, encrypted unless told otherwise in so many words.
 *
 * IPv6 first: a listener on all addresses is one socket for both kinds, and IPv4 peers appear as `::ffff:a.b.c.d`. During the
 * rotation of a cluster key the other side may not have the new one yet, so a refused connection is tried again with the older.
 */
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { EpicError, isEpicError } from '@epicserver/contracts'
import type { ClusterKey } from '../cluster-keyring.ts'
import type { Link } from '../link.ts'
import { warningLog } from '../log.ts'
import type { Log } from '../log.ts'
import { peerFromSocket } from '../peer-address.ts'
import { SocketLink } from '../socket-link.ts'
import { formatTcpAddress, isLoopback, parseTcpAddress } from '../tcp-address.ts'
import type { TcpAddress } from '../tcp-address.ts'
import type { ListenEvents, Listening, Transport } from '../transport.ts'
import { whenConnected } from './connect-socket.ts'
import { socketError } from './socket-errors.ts'
import { bindingOf, startTls } from './tcp-security.ts'
import type { TcpSecurity, TlsSecurity } from './tcp-security.ts'
import { TlsReception } from './tls-reception.ts'
import type { Incoming } from './tls-reception.ts'

const IPV6_ADVICE =
  'this host has no such IPv6 address. If IPv6 is off, switch it on (sysctl net.ipv6.conf.all.disable_ipv6=0): it opens ' +
  'nothing by itself, since a host is reached only at ports that listen, and those of Epic Server ask for proof. ' +
  'To go without, name an IPv4 address'

/** What a tcp transport is made with. */
export interface TcpTransportOptions {
  readonly security: TcpSecurity
  /** Told when plain text leaves this host. */
  readonly log?: Log
}

/**
 * Tcp; an address is `[host]:port`.
 * @example
 * const transport = tcpTransport({ security: { clusterKeys: new ClusterKeyring(key) } })
 */
export function tcpTransport(options: TcpTransportOptions): Transport {
  return new TcpTransport(options)
}

class TcpTransport implements Transport {
  readonly name = 'tcp'
  readonly #security: TcpSecurity
  readonly #log: Log

  constructor({ security, log = warningLog }: TcpTransportOptions) {
    this.#security = security
    this.#log = log
  }

  isProtected(address: string): boolean {
    return this.#security !== 'plain-text' || isLoopback(parseTcpAddress(address).host)
  }

  async listen(address: string, events: ListenEvents): Promise<Listening> {
    const { host, port } = parseTcpAddress(address)
    this.#warnOfPlainText(address, host)
    const accept = acceptor(this.#security, events)
    const server = createServer({ noDelay: true }, (socket) => {
      const peer = peerFromSocket(socket.remoteAddress ?? '?', socket.remotePort ?? 0)
      const admission = events.admit(peer)
      if (admission === undefined) socket.destroy()
      else accept({ socket, peer, admission })
    })
    await whenListening(server, { host, port })
    server.on('error', (error) => events.handleTrouble(error))
    const actual = (server.address() as AddressInfo).port
    return {
      address: formatTcpAddress({ host, port: actual }),
      close: () => {
        server.close()
        return Promise.resolve()
      },
    }
  }

  async connect(address: string, signal: AbortSignal): Promise<Link> {
    const target = parseTcpAddress(address)
    this.#warnOfPlainText(address, target.host)
    const security = this.#security
    if (security === 'plain-text') return openPlain(target, signal)
    if (!('clusterKeys' in security)) return openTls(target, { security, signal })
    return openWithAnyKey(target, { security, signal, keys: security.clusterKeys.accepted() })
  }

  describe(): string {
    if (this.#security === 'plain-text') return 'tcp in plain text'
    return 'clusterKeys' in this.#security ? 'tls by cluster key' : 'tls by certificate'
  }

  #warnOfPlainText(address: string, host: string): void {
    if (this.#security !== 'plain-text' || isLoopback(host)) return
    this.#log.warn(
      `tcp ${address}: plain text: whoever is on the way can read and change everything`,
    )
  }
}

/** What is done with a socket that was let in. */
function acceptor(security: TcpSecurity, events: ListenEvents): (incoming: Incoming) => void {
  if (security !== 'plain-text') {
    const reception = new TlsReception(security, events)
    return (incoming) => reception.accept(incoming)
  }
  return ({ socket, peer, admission }) => events.accepted(new SocketLink(socket, peer), admission)
}

async function openPlain(target: TcpAddress, signal: AbortSignal): Promise<Link> {
  const socket = connect({ ...target, noDelay: true })
  const link = new SocketLink(socket, peerFromSocket(target.host, target.port))
  await whenConnected(socket, {
    event: 'connect',
    what: `connect to ${formatTcpAddress(target)}`,
    signal,
  })
  return link
}

interface TlsAttempt {
  readonly security: TlsSecurity
  readonly signal: AbortSignal
  readonly key?: ClusterKey
}

async function openTls(target: TcpAddress, { security, signal, key }: TlsAttempt): Promise<Link> {
  const what = `connect to ${formatTcpAddress(target)}`
  const plain = connect({ ...target, noDelay: true })
  await whenConnected(plain, { event: 'connect', what, signal })
  // From here on its TLS socket reports what happens to it.
  plain.on('error', () => plain.destroy())
  const socket = startTls(plain, security, {
    host: target.host,
    ...(key === undefined ? {} : { key }),
  })
  await whenConnected(socket, { event: 'secureConnect', what, signal })
  return new SocketLink(socket, peerFromSocket(target.host, target.port), bindingOf(socket))
}

/** Tries the newest key first; only a refused one is a reason to try an older. */
async function openWithAnyKey(
  target: TcpAddress,
  { keys, ...attempt }: TlsAttempt & { readonly keys: readonly ClusterKey[] },
): Promise<Link> {
  let refusal: unknown
  for (const key of keys) {
    try {
      return await openTls(target, { ...attempt, key })
    } catch (error) {
      refusal = error
      if (!isEpicError(error) || error.code !== 'Unauthorized') break
    }
  }
  throw refusal
}

function whenListening(server: Server, { host, port }: TcpAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(listenError({ host, port }, error)),
    )
    server.once('listening', () => {
      server.removeAllListeners('error')
      resolve()
    })
    server.listen({ host, port, ipv6Only: false })
  })
}

function listenError(address: TcpAddress, cause: NodeJS.ErrnoException): EpicError {
  const what = `listen at ${formatTcpAddress(address)}`
  if (cause.code === 'EADDRINUSE') {
    const advice = 'another process listens there. Stop it, or listen at another port'
    return new EpicError('Unavailable', `Cannot ${what}: ${advice}`, { cause })
  }
  const isIpv6Missing = cause.code === 'EAFNOSUPPORT' || cause.code === 'EADDRNOTAVAIL'
  if (!isIpv6Missing || !address.host.includes(':')) return socketError(what, cause)
  return new EpicError('Unavailable', `Cannot ${what}: ${IPV6_ADVICE}`, { cause })
}
