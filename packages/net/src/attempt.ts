/**
 * One attempt to open a channel, made or let in, bounded in time.
 *
 * The time covers everything from the first packet to the last hello: reaching the other side, TLS, the handshake. An attempt
 * that refused says so to the other side, and keeps the connection a moment longer so that this arrives.
 */
import { EpicError } from '@epicserver/contracts'
import type { Carrier } from './carrier.ts'
import type { Clock, Timer } from './clock.ts'
import { Establishment } from './establishment.ts'
import type { EstablishmentParts } from './establishment.ts'
import { REFUSAL_LINGER_MS } from './limits.ts'

/** What an {@link Attempt} is made with. */
export interface AttemptParts {
  readonly clock: Clock
  readonly timeoutMs: number
  /** What is attempted, for the error: `connect to …`. */
  readonly what: string
  /** It failed; called once, and never after it succeeded. */
  handleFailed(error: EpicError): void
  /** It costs nothing any more, whether it became a channel or not. */
  handleOver(): void
}

export class Attempt<M> {
  readonly #parts: AttemptParts
  readonly #controller = new AbortController()
  #timer: Timer
  #establishment: Establishment<M> | undefined
  #isDecided = false

  constructor(parts: AttemptParts) {
    this.#parts = parts
    this.#timer = parts.clock.setTimer(() => {
      this.fail(
        new EpicError('Timeout', `Cannot ${parts.what}: it took over ${parts.timeoutMs} ms`, {
          retry: 'safe',
        }),
      )
    }, parts.timeoutMs)
  }

  /** Aborted when the attempt fails before it has a link. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Goes on with a connection: handshake and hello. */
  establish(parts: Omit<EstablishmentParts<M>, 'handleFailed'>): void {
    if (this.#isDecided) {
      parts.carrier.destroy()
      return
    }
    this.#establishment = new Establishment({
      ...parts,
      objection: (identity) => parts.objection(identity),
      handleEstablished: (established) => {
        this.#decide()
        this.#parts.handleOver()
        parts.handleEstablished(established)
      },
      handleFailed: (error) => this.#handleFailed(error, parts.carrier),
    })
    this.#establishment.start()
  }

  /** Gives it up. */
  fail(error: EpicError): void {
    if (this.#isDecided) return
    if (this.#establishment !== undefined) this.#establishment.fail(error)
    else this.#handleFailed(error, undefined)
  }

  #handleFailed(error: EpicError, carrier: Carrier<M> | undefined): void {
    if (this.#isDecided) return
    this.#decide()
    if (carrier === undefined) this.#controller.abort(error)
    this.#parts.handleFailed(error)
    if (carrier === undefined || error.code !== 'Incompatible') {
      this.#parts.handleOver()
      return
    }
    this.#parts.clock.setTimer(() => {
      carrier.destroy()
      this.#parts.handleOver()
    }, REFUSAL_LINGER_MS)
  }

  #decide(): void {
    this.#isDecided = true
    this.#timer.cancel()
  }
}
