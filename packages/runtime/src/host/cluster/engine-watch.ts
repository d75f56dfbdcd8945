/**
 * Looks after the engine on behalf of one machine: asks it something small now and then, says once when it stops answering, once
 * when it answers again, and once when it answers but has lost what it knew of the cluster; and keeps what `epic status` shows.
 *
 * It decides nothing. Nodes stop by their own leases when the engine is away for long, and join again when it is back.
 */
import { isEpicError } from '@epicserver/contracts'
import type { Log } from '../../log.ts'

/** What is known of the engine. */
export interface EngineHealth {
  readonly isReachable: boolean
  /** For how long it has been so, where that is watched. */
  readonly forMs?: number
  /** How long its last answer took. */
  readonly answerMs: number
  readonly failures: number
  readonly problem?: string
}

export interface EngineWatchOptions {
  /** Asks the engine something small. Throws when it does not answer, and when it is another than it was. */
  readonly look: () => Promise<void>
  /** Without passwords. */
  readonly address: string
  readonly everyMs: number
  readonly log: Log
}

export class EngineWatch {
  readonly #options: EngineWatchOptions
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  #sinceMs = performance.now()
  #answerMs = 0
  #failures = 0
  #problem: string | undefined

  constructor(options: EngineWatchOptions) {
    this.#options = options
    this.#plan()
  }

  get health(): EngineHealth {
    return {
      isReachable: this.#problem === undefined,
      forMs: Math.round(performance.now() - this.#sinceMs),
      answerMs: Math.round(this.#answerMs * 10) / 10,
      failures: this.#failures,
      ...(this.#problem !== undefined && { problem: this.#problem }),
    }
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #plan(): void {
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#look(), this.#options.everyMs)
  }

  async #look(): Promise<void> {
    const startedAt = performance.now()
    try {
      await this.#options.look()
      this.#answerMs = performance.now() - startedAt
      this.#handleAnswer()
    } catch (error) {
      this.#handleFailure(error)
    }
    this.#plan()
  }

  #handleAnswer(): void {
    if (this.#problem === undefined) return
    const { address, log } = this.#options
    log.info('the engine answers again', { engine: address, awayMs: this.health.forMs })
    this.#problem = undefined
    this.#sinceMs = performance.now()
  }

  #handleFailure(error: unknown): void {
    if (this.#isClosed) return
    const problem = error instanceof Error ? error.message : String(error)
    this.#failures += 1
    if (this.#problem === undefined) this.#sinceMs = performance.now()
    if (this.#problem !== problem) this.#tell(error, problem)
    this.#problem = problem
  }

  /** A loss is told once; that the engine is back, but empty, once more. */
  #tell(error: unknown, problem: string): void {
    const { address, log } = this.#options
    if (isEpicError(error) && error.retry === 'never') {
      log.error('the engine is not this cluster’s any more', { engine: address, problem })
    } else if (this.#problem === undefined) {
      log.error('the engine cannot be reached; nodes stop when their leases are over', {
        engine: address,
        problem,
      })
    }
  }
}
