/**
 * Looks after the engine on behalf of one machine: asks it something small now and then, says once when it stops answering and once
 * when it answers again, and keeps what `epic status` shows.
 *
 * It decides nothing. Nodes stop by their own leases when the engine is away for long, and join again when it is back.
 */
import type { ClusterStore } from '@epicserver/contracts'
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
  readonly store: ClusterStore
  /** Without passwords. */
  readonly address: string
  readonly everyMs: number
  readonly log: Log
}

/** Any key will do: it is the answer that counts. */
const KEY = 'charter'

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
      await this.#options.store.get(KEY)
      this.#answerMs = performance.now() - startedAt
      this.#handleAnswer()
    } catch (error) {
      this.#handleFailure(error instanceof Error ? error.message : String(error))
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

  #handleFailure(problem: string): void {
    if (this.#isClosed) return
    this.#failures += 1
    if (this.#problem === undefined) {
      const { address, log } = this.#options
      log.error('the engine cannot be reached; nodes stop when their leases are over', {
        engine: address,
        problem,
      })
      this.#sinceMs = performance.now()
    }
    this.#problem = problem
  }
}
