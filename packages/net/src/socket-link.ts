/**
 * A stream of bytes over a socket of Node: unix, tcp or tls.
 *
 * Reads by `data` and not by `onread` with one buffer for all: sockets that a server accepts cannot have it, every batch that
 * is not processed at once would have to be copied out of it, and in the bare loop it brought 6 % (five rounds, which differed
 * by more than that among themselves).
 */
import type { Socket } from 'node:net'
import type { ByteLink, ByteLinkEvents } from './link.ts'
import type { PeerAddress } from './peer-address.ts'

export class SocketLink implements ByteLink {
  readonly kind = 'bytes'
  readonly peer: PeerAddress
  readonly binding: Uint8Array
  readonly #socket: Socket
  #cause: Error | undefined
  #isClosed = false

  constructor(socket: Socket, peer: PeerAddress, binding: Uint8Array = new Uint8Array(0)) {
    this.peer = peer
    this.binding = binding
    this.#socket = socket
    // From now on, since an error may come before anyone starts; `close` follows it.
    socket.on('error', (error) => {
      this.#cause ??= error
    })
    socket.once('close', () => {
      this.#isClosed = true
    })
  }

  get pendingBytes(): number {
    return this.#socket.writableLength
  }

  start(events: ByteLinkEvents): void {
    if (this.#isClosed) {
      events.ended(this.#cause)
      return
    }
    this.#socket.on('data', (chunk: Buffer) => events.bytes(chunk))
    this.#socket.on('drain', () => events.writable())
    this.#socket.once('close', () => events.ended(this.#cause))
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  cork(): void {
    this.#socket.cork()
  }

  uncork(): void {
    this.#socket.uncork()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
