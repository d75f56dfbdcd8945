/**
 * Brings all requests that wait into few batches, and each batch to the database.
 *
 * Idea: a turn's requests are gathered until it ends, and shared by the free connections. Requests for one entity follow each other: the
 * next goes when the one before is answered, so each entity is in one batch at a time, and batches need not wait for each other.
 *
 * | the batch | cannot be sent, or the database says ERROR | the connection is lost, or no answer comes |
 * | --- | --- | --- |
 * | claims, reindexes | again, until their time is up: `Unavailable` | again, until their time is up: `Unavailable` |
 * | writes, removals | again, until their time is up: `Unavailable` | `Unknown`, at once |
 *
 * An error that no second try changes may be the fault of one request: the batch is halved until that one is alone. Requests that wait
 * behind a failing batch end with their own time, not with that of the batch.
 *
 * A write that is `Unknown` may still be under way in the database. Its guard makes that harmless: it is done before the claim that
 * follows, or is refused after what that claim led to.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { EpicError } from '@epicserver/contracts'
import { meaningOf, messageOf } from '@epicserver/postgres-link'
import { applyStatement, applyValues, outcomesFrom } from './batch.ts'
import type { OutcomeRow } from './batch.ts'
import { causeOf, throwIfRefused, unavailableError } from './database.ts'
import type { Database } from './database.ts'
import type { Job } from './entity-jobs.ts'
import {
  BATCH_BYTES_MAX,
  BATCH_REQUESTS_MAX,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
  WAITING_BYTES_MAX,
  WRITERS,
} from './limits.ts'
import type { Link, Statement } from './link.ts'

interface Waiting {
  readonly job: Job
  readonly deadline: number
  /** A try of it was lost, and nobody knows whether it was done. */
  mayBeDone: boolean
}

export class BatchQueue {
  readonly #database: Database
  readonly #statement: Statement
  readonly #free: Link[]
  /** Entities whose next request may go, in the order in which they became so. */
  readonly #ready = new Set<string>()
  /** What waits, or is under way, for each entity; what is under way stands first. */
  readonly #byEntity = new Map<string, Waiting[]>()
  #waitingBytes = 0
  #isGathering = false
  #whenIdle: (() => void)[] = []

  constructor(database: Database, s: string) {
    this.#database = database
    this.#statement = applyStatement(s)
    this.#free = Array.from({ length: WRITERS }, () => database.openLink())
  }

  /** Adds a request, which is answered through its own promise. */
  add<Answer>(job: Job & { readonly promise: Promise<Answer> }): Promise<Answer> {
    this.#database.assertOpen(job.attempt)
    if (this.#waitingBytes + job.byteLength > WAITING_BYTES_MAX && this.#waitingBytes > 0) {
      throw new EpicError(
        'Unavailable',
        `Cannot ${job.attempt}: ${this.#waitingBytes} of at most ${WAITING_BYTES_MAX} bytes wait for the database`,
      )
    }
    this.#waitingBytes += job.byteLength
    const deadline = performance.now() + this.#database.requestMs
    const waiting: Waiting = { job, deadline, mayBeDone: false }
    const before = this.#byEntity.get(job.name)
    if (before === undefined) {
      this.#byEntity.set(job.name, [waiting])
      this.#ready.add(job.name)
    } else before.push(waiting)
    this.#gather()
    return job.promise
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    if (this.#byEntity.size === 0) return
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve))
  }

  /** Batches begin when the turn ends, so that they take all that it asks for. */
  #gather(): void {
    if (this.#isGathering || this.#free.length === 0) return
    this.#isGathering = true
    setImmediate(() => {
      this.#isGathering = false
      while (this.#ready.size > 0) {
        const link = this.#free.pop()
        if (link === undefined) return
        void this.#serve(link)
      }
    })
  }

  async #serve(link: Link): Promise<void> {
    await this.#run(link, this.#take())
    this.#free.push(link)
    if (this.#ready.size > 0) this.#gather()
    if (this.#byEntity.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve()
  }

  #take(): Waiting[] {
    const batch: Waiting[] = []
    let bytes = 0
    for (const name of this.#ready) {
      const [next] = this.#byEntity.get(name) ?? []
      if (next === undefined) throw new Error(`nothing waits for ${name}`)
      bytes += next.job.byteLength
      if (batch.length > 0 && bytes > BATCH_BYTES_MAX) break
      this.#ready.delete(name)
      batch.push(next)
      if (batch.length === BATCH_REQUESTS_MAX) break
    }
    return batch
  }

  /** Tries a batch until each of its requests is answered. */
  async #run(link: Link, batch: readonly Waiting[]): Promise<void> {
    let left = batch
    for (let retryMs = RETRY_MS_MIN; ; retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)) {
      try {
        return await this.#try(link, left)
      } catch (error) {
        const refusal = refusalOf(error, left)
        if (refusal !== undefined) return await this.#handleRefused(link, left, refusal)
        left = this.#withoutLost(left, error)
        this.#failLate(error, retryMs)
        left = this.#withoutLate(left, error, retryMs)
      }
      if (left.length === 0) return
      await pause(retryMs)
    }
  }

  async #try(link: Link, batch: readonly Waiting[]): Promise<void> {
    const jobs = batch.map(({ job }) => job)
    // What was sent is waited for: to give it up early would make an outcome unknown that is about to be known.
    const options = { requests: jobs.length, waitMs: Infinity }
    const rows = await link.run<OutcomeRow>(this.#statement, applyValues(jobs), options)
    for (const [i, outcome] of outcomesFrom(rows, jobs.length).entries()) {
      const waiting = batch[i] as Waiting
      this.#end(waiting)
      waiting.job.handleOutcome(outcome)
    }
  }

  /** The culprit is found by halves; the others are done. */
  async #handleRefused(link: Link, batch: readonly Waiting[], refusal: unknown): Promise<void> {
    const half = Math.ceil(batch.length / 2)
    if (batch.length > 1 && isOfOneRequest(refusal)) {
      await this.#run(link, batch.slice(0, half))
      await this.#run(link, batch.slice(half))
      return
    }
    for (const waiting of batch) this.#fail(waiting, refusal)
  }

  /** Ends what may be done and must not be done twice, and gives back the rest. */
  #withoutLost(batch: readonly Waiting[], error: unknown): readonly Waiting[] {
    const cause = causeOf(error)
    if (cause !== error || meaningOf(cause) !== 'may be done') return batch
    for (const waiting of batch) {
      const { job } = waiting
      waiting.mayBeDone = true
      if (!job.isRepeatable) this.#fail(waiting, unknownError(cause, job.attempt))
    }
    return batch.filter(({ job }) => job.isRepeatable)
  }

  #withoutLate(batch: readonly Waiting[], error: unknown, leftMs: number): readonly Waiting[] {
    const isLate = ({ deadline }: Waiting): boolean => deadline - performance.now() <= leftMs
    const late = batch.filter(isLate)
    for (const waiting of late) {
      const { job, mayBeDone } = waiting
      const errorOf = mayBeDone ? unknownError : unavailableError
      this.#fail(waiting, errorOf(causeOf(error), job.attempt))
    }
    return batch.filter((waiting) => !late.includes(waiting))
  }

  /** What waits for a connection while all of them fail must not wait for longer than it may. */
  #failLate(error: unknown, leftMs: number): void {
    const waiting = [...this.#ready].flatMap((name) => this.#byEntity.get(name) ?? [])
    this.#withoutLate(waiting, error, leftMs)
  }

  #fail(waiting: Waiting, error: unknown): void {
    this.#end(waiting)
    waiting.job.handleFailed(error)
  }

  /** Takes a request away that is answered, and lets the next of its entity go. */
  #end(waiting: Waiting): void {
    const { name, byteLength } = waiting.job
    this.#waitingBytes -= byteLength
    const left = this.#byEntity.get(name)?.filter((other) => other !== waiting) ?? []
    if (left.length === 0) {
      this.#byEntity.delete(name)
      this.#ready.delete(name)
    } else {
      this.#byEntity.set(name, left)
      this.#ready.add(name)
    }
  }
}

/** What no second try changes; nothing, where one may help. */
function refusalOf(error: unknown, batch: readonly Waiting[]): unknown {
  const attempt = batch.length === 1 ? (batch[0] as Waiting).job.attempt : 'write'
  try {
    throwIfRefused(error, attempt)
    return undefined
  } catch (refusal) {
    return refusal
  }
}

/** Whether it may be the fault of one request, and not of the database as a whole. */
function isOfOneRequest(refusal: unknown): boolean {
  return refusal instanceof EpicError && ['MessageTooLarge', 'CorruptRecord'].includes(refusal.code)
}

function unknownError(cause: unknown, attempt: string): EpicError {
  const message = `Cannot tell whether it was done to ${attempt}: ${messageOf(cause)}`
  return new EpicError('Unknown', message, { cause })
}
