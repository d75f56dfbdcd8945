/**
 * Where those arrive who connect to a pipe: past the gate each gets one attempt, and whoever fails is counted.
 *
 * An admission is held from the first packet, before TLS, until there is a channel or nothing. Failing without proof, against
 * the protocol or by silence counts against the address; being of another kind does not, since that takes the key.
 */
import { EpicError } from '@epicserver/contracts'
import { Attempt } from './attempt.ts'
import type { Clock } from './clock.ts'
import { Gate } from './gate.ts'
import type { NetLimits } from './limits.ts'
import type { Link } from './link.ts'
import { attemptsKey, printPeer } from './peer-address.ts'
import type { PeerAddress } from './peer-address.ts'
import type { PipeCounts, Refusal } from './pipe-parts.ts'
import { printable } from './printable.ts'
import type { Admission } from './transport.ts'

/** What a {@link Reception} is made with. */
export interface ReceptionParts<M> {
  readonly clock: Clock
  readonly limits: NetLimits
  /** Whether anyone is let in at all, and may become one channel more. */
  hasRoom(): boolean
  /** Goes on with an attempt that has its link. */
  establish(attempt: Attempt<M>, link: Link): void
  handleRefused(refusal: Refusal): void
}

/** The counts of those who were not let in. */
export type RefusalCounts = Pick<
  PipeCounts,
  | 'refusedFull'
  | 'refusedFailing'
  | 'unauthorized'
  | 'incompatible'
  | 'broken'
  | 'timedOut'
  | 'lost'
>

export class Reception<M> {
  readonly #parts: ReceptionParts<M>
  readonly #gate: Gate
  readonly #attempts = new Map<Admission, Attempt<M>>()
  #refusedFull = 0
  #refusedFailing = 0
  #unauthorized = 0
  #incompatible = 0
  #broken = 0
  #timedOut = 0
  #lost = 0

  constructor(parts: ReceptionParts<M>) {
    this.#parts = parts
    this.#gate = new Gate(parts.limits.handshakePlacesMax)
  }

  /** Attempts that are under way. */
  get size(): number {
    return this.#attempts.size
  }

  get counts(): RefusalCounts {
    return {
      refusedFull: this.#refusedFull,
      refusedFailing: this.#refusedFailing,
      unauthorized: this.#unauthorized,
      incompatible: this.#incompatible,
      broken: this.#broken,
      timedOut: this.#timedOut,
      lost: this.#lost,
    }
  }

  /** Takes a place for someone who connects, if there is one. */
  admit(peer: PeerAddress): Admission | undefined {
    const { clock, limits } = this.#parts
    const key = attemptsKey(peer)
    const verdict = this.#parts.hasRoom() ? this.#gate.enter(key, clock.now()) : 'full'
    if (verdict !== 'open') {
      if (verdict === 'full') this.#refusedFull += 1
      else this.#refusedFailing += 1
      return undefined
    }
    const attempt = new Attempt<M>({
      clock,
      timeoutMs: limits.handshakeTimeoutMs,
      what: `open a channel with ${printPeer(peer)}`,
      handleFailed: (error) => {
        if (this.#count(error)) this.#gate.handleFailed(key, clock.now())
        this.#parts.handleRefused({ peer, error })
      },
      handleOver: () => {
        this.#attempts.delete(admission)
        this.#gate.leave()
      },
    })
    const admission: Admission = {
      signal: attempt.signal,
      handleFailed: (code, reason) => {
        attempt.fail(
          new EpicError(
            code,
            `Cannot open a channel with ${printPeer(peer)}: ${printable(reason)}`,
          ),
        )
      },
    }
    this.#attempts.set(admission, attempt)
    return admission
  }

  /** An admitted connection is ready. */
  accept(link: Link, admission: Admission): void {
    const attempt = this.#attempts.get(admission)
    if (attempt === undefined) link.destroy()
    else this.#parts.establish(attempt, link)
  }

  /** Gives all attempts up. */
  close(error: EpicError): void {
    for (const attempt of [...this.#attempts.values()]) attempt.fail(error)
  }

  /** Counts a failure; says whether the address is to blame. */
  #count({ code }: EpicError): boolean {
    if (code === 'Incompatible') this.#incompatible += 1
    else if (code === 'Unauthorized') this.#unauthorized += 1
    else if (code === 'ProtocolBroken') this.#broken += 1
    else if (code === 'Timeout') this.#timedOut += 1
    else this.#lost += 1
    return code === 'Unauthorized' || code === 'ProtocolBroken' || code === 'Timeout'
  }
}
