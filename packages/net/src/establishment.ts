/**
 * From a connection to a channel: the handshake, if there is one, then both hellos.
 *
 * | state | goes on when |
 * | --- | --- |
 * | proving | the handshake resolves: our hello is sent |
 * | greeting | their hello is here and agrees: done, within the very call that brought it, since messages may follow at once |
 * | over | – |
 *
 * Whatever else arrives, or the end of the connection, is a failure. A side that does not agree says why before it ends the
 * connection; one that could not prove itself is told nothing. Time is the owner's: it calls {@link Establishment.fail}.
 */
import { EpicError, isEpicError } from '@epicserver/contracts'
import type { Carrier, CarrierEvents, RawKind } from './carrier.ts'
import { Fifo } from './fifo.ts'
import { decodeReason, encodeReason } from './frame-format.ts'
import type { Handshake, PeerIdentity, RawChannel } from './handshake.ts'
import { decodeHello, encodeHello, helloConflict } from './hello.ts'
import type { Hello } from './hello.ts'
import { printPeer } from './peer-address.ts'
import { printable } from './printable.ts'

/** What came of it. */
export interface Established {
  readonly identity: PeerIdentity | undefined
  readonly theirHello: Hello
}

/** What an {@link Establishment} is made with. */
export interface EstablishmentParts<M> {
  readonly carrier: Carrier<M>
  readonly isConnecting: boolean
  readonly handshake: Handshake | undefined
  readonly hello: Hello
  readonly receivedBytesMax: number
  /** An objection to an identity that has been proved, such as a newer incarnation being here already. */
  objection(identity: PeerIdentity): string | undefined
  handleEstablished(established: Established): void
  handleFailed(error: EpicError): void
}

interface Receiver {
  readonly resolve: (message: Uint8Array) => void
  readonly reject: (error: EpicError) => void
}

export class Establishment<M> implements CarrierEvents<M> {
  readonly #parts: EstablishmentParts<M>
  readonly #messages = new Fifo<Uint8Array>()
  #receiver: Receiver | undefined
  #state: 'proving' | 'greeting' | 'over' = 'proving'
  #identity: PeerIdentity | undefined
  #theirHello: Hello | undefined
  #error: EpicError | undefined

  constructor(parts: EstablishmentParts<M>) {
    this.#parts = parts
  }

  start(): void {
    const { carrier, handshake, receivedBytesMax } = this.#parts
    carrier.limitReceived(receivedBytesMax)
    carrier.start(this)
    if (this.#isOver) return
    if (handshake === undefined) {
      this.#greet(undefined)
      return
    }
    handshake(this.#rawChannel()).then(
      (identity) => this.#handleProved(identity),
      (error: unknown) => this.#handleRefused(error),
    )
  }

  /** Gives it up. */
  fail(error: EpicError): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#error = error
    this.#receiver?.reject(error)
    this.#parts.carrier.destroy()
    this.#parts.handleFailed(error)
  }

  raw(kind: RawKind, body: Uint8Array): void {
    if (this.#state === 'over') return
    if (kind === 'refuse') this.fail(this.#refusedBy(decodeReason(body)))
    else if (kind === 'hello') this.#handleHello(body)
    else if (this.#state !== 'proving') this.broken('a message of the handshake after its end')
    else if (this.#receiver === undefined) this.#messages.push(body)
    else {
      const receiver = this.#receiver
      this.#receiver = undefined
      receiver.resolve(body)
    }
  }

  batch(): void {
    this.broken('a message before the hello')
  }

  signal(): void {
    this.broken('a signal before the hello')
  }

  begin(): void {}

  done(): void {}

  writable(): void {}

  broken(problem: string): void {
    this.fail(
      new EpicError(
        'ProtocolBroken',
        `Cannot open a channel with ${this.#peer}: it sent ${problem}`,
        {
          // Before there is a channel, nothing was done.
          retry: 'safe',
        },
      ),
    )
  }

  ended(cause: Error | undefined): void {
    this.fail(
      new EpicError(
        'Unavailable',
        `Cannot open a channel with ${this.#peer}: the connection ended before it was open`,
        {
          cause,
        },
      ),
    )
  }

  /** Asked where something was called that may have ended it. */
  get #isOver(): boolean {
    return this.#state === 'over'
  }

  get #peer(): string {
    return printPeer(this.#parts.carrier.peer)
  }

  #rawChannel(): RawChannel {
    const { carrier, isConnecting } = this.#parts
    return {
      peer: carrier.peer,
      isConnecting,
      binding: carrier.binding,
      send: (message) => {
        if (this.#state === 'proving') carrier.writeRaw('handshake', message)
      },
      receive: () => this.#receive(),
    }
  }

  #receive(): Promise<Uint8Array> {
    if (this.#error !== undefined) return Promise.reject(this.#error)
    const message = this.#messages.take()
    if (message !== undefined) return Promise.resolve(message)
    return new Promise((resolve, reject) => {
      this.#receiver = { resolve, reject }
    })
  }

  #handleProved(identity: PeerIdentity): void {
    if (this.#state === 'over') return
    const objection = this.#parts.objection(identity)
    if (objection === undefined) this.#greet(identity)
    else this.#refuse(objection)
  }

  #handleRefused(error: unknown): void {
    if (this.#state === 'over') return
    if (!isEpicError(error)) {
      this.fail(
        new EpicError(
          'Unauthorized',
          `Cannot open a channel with ${this.#peer}: the handshake threw`,
          {
            cause: error,
          },
        ),
      )
    } else if (error.code === 'Incompatible') this.#refuse(error.message)
    else this.fail(error)
  }

  #greet(identity: PeerIdentity | undefined): void {
    this.#state = 'greeting'
    this.#identity = identity
    this.#parts.carrier.writeRaw('hello', encodeHello(this.#parts.hello))
    if (this.#theirHello !== undefined) this.#compare(this.#theirHello)
  }

  #handleHello(body: Uint8Array): void {
    const hello = decodeHello(body)
    if (hello === undefined || this.#theirHello !== undefined)
      return this.broken('a hello that is none')
    this.#theirHello = hello
    if (this.#state === 'greeting') this.#compare(hello)
  }

  #compare(theirHello: Hello): void {
    const conflict = helloConflict(this.#parts.hello, theirHello)
    if (conflict !== undefined) return this.#refuse(conflict)
    this.#state = 'over'
    this.#parts.carrier.limitReceived(Infinity)
    this.#parts.handleEstablished({ identity: this.#identity, theirHello })
  }

  /** Says why, so that both sides print it. The end follows what was written; the owner's time bounds how long that takes. */
  #refuse(reason: string): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#error = new EpicError(
      'Incompatible',
      `Cannot open a channel with ${this.#peer}: ${printable(reason)}`,
    )
    this.#parts.carrier.writeRaw('refuse', encodeReason(reason))
    this.#parts.carrier.end()
    this.#parts.handleFailed(this.#error)
  }

  #refusedBy(reason: string): EpicError {
    return new EpicError(
      'Incompatible',
      `Cannot open a channel with ${this.#peer}: it refused: ${printable(reason)}`,
    )
  }
}
