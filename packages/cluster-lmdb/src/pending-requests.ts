/**
 * Requests that have no answer yet, in the order in which they were made, each with a deadline.
 *
 * What is told to a request that gets no answer depends on two things: whether it may have left (`isSent`), and what it does. A
 * read that is lost changed nothing: `Unavailable`. A change that left may be done: `Unknown`. When the connection is lost, what
 * may be done twice without harm (`isRepeatable`) waits for the next one; anything else that has left is told at once.
 *
 * All deadlines are equally long, so the order of making is the order of expiry.
 */
import { EpicError } from '@epicserver/contracts'
import { REQUESTS_MAX } from './limits.ts'

/** What is asked, as far as its end depends on it. */
export interface Ask {
  /** For messages: `read "view"`. */
  readonly attempt: string
  readonly bytes: Uint8Array
  /** Whether it changes anything. */
  readonly isChange: boolean
  /** Whether doing it twice is as good as once. */
  readonly isRepeatable: boolean
}

interface Pending extends Ask {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: EpicError) => void
  readonly deadline: number
  /** Whether it waits for a connection to leave by. */
  isQueued: boolean
  /** Whether it may have left, by this connection or one before. */
  isSent: boolean
}

export class PendingRequests {
  readonly #pending = new Map<number, Pending>()

  get size(): number {
    return this.#pending.size
  }

  /** When the first of them is over; `Infinity` without any. */
  get nextDeadline(): number {
    for (const { deadline } of this.#pending.values()) return deadline
    return Number.POSITIVE_INFINITY
  }

  add(id: number, ask: Ask, deadline: number): Promise<unknown> {
    if (this.#pending.size >= REQUESTS_MAX) {
      throw new EpicError(
        'Overloaded',
        `Cannot ${ask.attempt}: ${REQUESTS_MAX} requests are under way`,
      )
    }
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { ...ask, resolve, reject, deadline, isQueued: true, isSent: false })
    })
  }

  /** Takes what waits to leave; from now on it may have. */
  takeQueued(): Uint8Array[] {
    const queued = [...this.#pending.values()].filter((pending) => pending.isQueued)
    for (const pending of queued) {
      pending.isQueued = false
      pending.isSent = true
    }
    return queued.map((pending) => pending.bytes)
  }

  handleResult(id: number, result: unknown): void {
    this.#take(id)?.resolve(result)
  }

  handleFailure(id: number, error: EpicError): void {
    this.#take(id)?.reject(error)
  }

  /** The connection is gone, and with it the answers to all that had left. */
  handleLoss(): void {
    for (const [id, pending] of this.#pending) {
      if (pending.isRepeatable) pending.isQueued = true
      if (pending.isQueued) continue
      this.#pending.delete(id)
      pending.reject(lostError(pending, 'the connection was lost'))
    }
  }

  /** Gives up what has waited too long. */
  handleDeadline(now: number): void {
    for (const [id, pending] of this.#pending) {
      if (pending.deadline > now) return
      this.#pending.delete(id)
      pending.reject(lostError(pending, 'no answer came in time'))
    }
  }

  /** Gives up everything: no connection will ever come. */
  refuseAll(error: (attempt: string) => EpicError): void {
    for (const pending of this.#pending.values()) {
      pending.reject(
        pending.isSent ? lostError(pending, 'the store was closed') : error(pending.attempt),
      )
    }
    this.#pending.clear()
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    return pending
  }
}

function lostError({ attempt, isChange, isSent }: Pending, reason: string): EpicError {
  return isChange && isSent
    ? new EpicError('Unknown', `Cannot tell whether it was done to ${attempt}: ${reason}`)
    : new EpicError('Unavailable', `Cannot ${attempt}: ${reason}`)
}
