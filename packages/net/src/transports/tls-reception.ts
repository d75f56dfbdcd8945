/**
 * TLS on the sockets that a tcp listener lets in.
 *
 * A TLS server makes a socket of its own around each and tells of that one only; the two are matched by the peer's address,
 * which no two open connections to one port share. A socket that ends before it was secure is reported by its own end.
 */
import type { Socket } from 'node:net'
import type { Server as TlsServer, TLSSocket } from 'node:tls'
import type { PeerAddress } from '../peer-address.ts'
import { SocketLink } from '../socket-link.ts'
import type { Admission, ListenEvents } from '../transport.ts'
import { tlsRefusal } from './socket-errors.ts'
import { bindingOf, createTls } from './tcp-security.ts'
import type { TlsSecurity } from './tcp-security.ts'

/** A socket that was let in. */
export interface Incoming {
  readonly socket: Socket
  readonly peer: PeerAddress
  readonly admission: Admission
}

export class TlsReception {
  readonly #tls: TlsServer
  readonly #events: ListenEvents
  readonly #waiting = new Map<string, Incoming>()

  constructor(security: TlsSecurity, events: ListenEvents) {
    this.#events = events
    this.#tls = createTls(security)
    this.#tls.on('secureConnection', (socket) => this.#handleSecure(socket))
    this.#tls.on('tlsClientError', (error, socket) => {
      this.#take(socket)?.admission.handleFailed('Unauthorized', tlsRefusal(error))
    })
  }

  accept(incoming: Incoming): void {
    const { socket, admission } = incoming
    const name = nameOf(socket)
    this.#waiting.set(name, incoming)
    admission.signal.addEventListener('abort', () => socket.destroy(), { once: true })
    // Its TLS socket, or its end, reports it.
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      if (this.#waiting.get(name) !== incoming) return
      this.#waiting.delete(name)
      admission.handleFailed('Unavailable', 'the connection ended before it was secure')
    })
    this.#tls.emit('connection', socket)
  }

  #handleSecure(socket: TLSSocket): void {
    const incoming = this.#take(socket)
    if (incoming === undefined) {
      socket.destroy()
      return
    }
    const { peer, admission } = incoming
    this.#events.accepted(new SocketLink(socket, peer, bindingOf(socket)), admission)
  }

  #take(socket: Socket): Incoming | undefined {
    const name = nameOf(socket)
    const incoming = this.#waiting.get(name)
    this.#waiting.delete(name)
    return incoming
  }
}

function nameOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`
}
