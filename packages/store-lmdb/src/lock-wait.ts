/**
 * The wait for a write lock that another process may hold for ever. It can be given up, which leaves a thread of the pool waiting: what
 * that thread finds when the lock comes free at last is closed again, and whoever opens the same path meanwhile waits behind it.
 */
import { EpicError } from '@epicserver/contracts'

/** Openings that nobody waits for any more, but that have not ended. */
const abandoned = new Map<string, Promise<unknown>>()

export class LockWait {
  readonly #path: string
  readonly #signal: AbortSignal | undefined
  #isOver = false
  #giveUp: ((error: EpicError) => void) | undefined

  constructor(path: string, signal: AbortSignal | undefined) {
    this.#path = path
    this.#signal = signal
  }

  get isGivenUp(): boolean {
    return !this.#isOver && this.#signal?.aborted === true
  }

  /** The lock was got: what is done from here on ends soon, and is not given up. */
  handleLocked(): void {
    if (!this.isGivenUp) this.#isOver = true
  }

  /**
   * Waits for what was abandoned on this path, then for `open`.
   * @throws EpicError `Unavailable` when the signal aborts before the lock was got.
   */
  async run<T>(open: () => Promise<T>): Promise<T> {
    const onAbort = (): void => {
      if (this.isGivenUp) this.#giveUp?.(this.error())
    }
    this.#signal?.addEventListener('abort', onAbort)
    try {
      const before = abandoned.get(this.#path)
      if (before !== undefined) await this.#orGivenUp(before)
      return await this.#orGivenUp(open(), (opening) => abandon(this.#path, opening))
    } finally {
      this.#signal?.removeEventListener('abort', onAbort)
    }
  }

  error(): EpicError {
    return new EpicError(
      'Unavailable',
      `Cannot open ${this.#path}: another process holds its write lock, and the wait for it was given up`,
      { details: { path: this.#path } },
    )
  }

  async #orGivenUp<T>(work: Promise<T>, handleGivenUp?: (work: Promise<T>) => void): Promise<T> {
    const given = new Promise<never>((_, reject) => {
      this.#giveUp = (error) => {
        handleGivenUp?.(work)
        reject(error)
      }
      if (this.isGivenUp) this.#giveUp(this.error())
    })
    return Promise.race([work, given])
  }
}

function abandon(path: string, opening: Promise<unknown>): void {
  const ended = opening
    .catch(() => undefined)
    .finally(() => {
      if (abandoned.get(path) === ended) abandoned.delete(path)
    })
  abandoned.set(path, ended)
}
