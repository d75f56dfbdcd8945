/**
 * One of a store's databases: its connections, and requests that only read.
 *
 * Reads are repeated until there is an answer or the time is up, whatever went wrong: `Unavailable`. What changes something goes in
 * batches and is judged there (`batch-queue.ts`).
 */
import { setTimeout as pause } from 'node:timers/promises'
import { EpicError } from '@epicserver/contracts'
import { codeOf, hostsOf, meaningOf, messageOf, refusalFrom } from '@epicserver/postgres-link'
import type { Encryption } from '@epicserver/postgres-link'
import postgres from 'postgres'
import type { Sql } from 'postgres'
import { CONNECT_MS_MAX, READERS, RETRY_MS_MAX, RETRY_MS_MIN } from './limits.ts'
import { Link, NotSent } from './link.ts'
import type { Statement, Value } from './link.ts'
import { prepareSchema } from './migration.ts'
import type { ShardPlace } from './schema.ts'
import type { Statistics } from './statistics.ts'

/** What a {@link Database} is made of. */
export interface DatabaseOptions extends ShardPlace {
  readonly address: string
  readonly encryption: Encryption
  readonly schema: string
  readonly requestMs: number
  readonly statementMs: number
  readonly validateAfterMs: number
  readonly statistics: Statistics
}

export class Database {
  readonly #options: DatabaseOptions
  readonly #readers: Link[]
  readonly #waiting: ((reader: Link) => void)[] = []
  readonly #links: Link[] = []
  #prepared: Promise<void> | undefined
  #isClosed = false

  constructor(options: DatabaseOptions) {
    this.#options = options
    this.#readers = Array.from({ length: READERS }, () => this.openLink())
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get requestMs(): number {
    return this.#options.requestMs
  }

  /** A connection of its own, which ends with this. */
  openLink(): Link {
    const { statistics, statementMs, validateAfterMs } = this.#options
    const link = new Link({
      open: () => this.#open(),
      prepare: (sql) => this.#prepare(sql),
      statistics,
      statementMs,
      validateAfterMs,
    })
    this.#links.push(link)
    return link
  }

  /**
   * Runs a statement that may be run twice, until there is an answer or none is to be expected.
   * @param attempt - for messages: `read "Player/bob"`
   * @throws EpicError
   */
  async ask<Row extends object>(
    attempt: string,
    statement: Statement,
    values: readonly Value[],
  ): Promise<readonly Row[]> {
    const deadline = performance.now() + this.#options.requestMs
    for (let retryMs = RETRY_MS_MIN; ; retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)) {
      this.assertOpen(attempt)
      try {
        return await this.#askOnce<Row>(statement, values, deadline)
      } catch (error) {
        const left = deadline - performance.now()
        throwIfRefused(error, attempt)
        if (left <= retryMs) throw unavailableError(error, attempt)
      }
      await pause(retryMs)
    }
  }

  /** @throws EpicError `Unavailable` */
  assertOpen(attempt: string): void {
    if (this.#isClosed) throw new EpicError('Unavailable', `Cannot ${attempt}: the store is closed`)
  }

  /** From now on nothing is asked any more. */
  handleClosing(): void {
    this.#isClosed = true
  }

  async close(): Promise<void> {
    this.handleClosing()
    await Promise.all(this.#links.map((link) => link.close()))
  }

  async #askOnce<Row extends object>(
    statement: Statement,
    values: readonly Value[],
    deadline: number,
  ): Promise<readonly Row[]> {
    const reader = this.#readers.pop() ?? (await this.#nextReader())
    try {
      const waitMs = Math.max(1, deadline - performance.now())
      return await reader.run<Row>(statement, values, { requests: 1, waitMs })
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#readers.push(reader)
      else next(reader)
    }
  }

  #nextReader(): Promise<Link> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #prepare(sql: Sql): Promise<void> {
    const { schema } = this.#options
    this.#prepared ??= prepareSchema(sql, { schema, place: this.#options }).catch(
      (error: unknown) => {
        this.#prepared = undefined
        throw error
      },
    )
    return this.#prepared
  }

  #open(): Sql {
    const { address, encryption, statementMs } = this.#options
    return postgres(address, {
      ...hostsOf(address),
      ssl: encryption,
      max: 1,
      fetch_types: false,
      connect_timeout: Math.ceil(CONNECT_MS_MAX / 1_000),
      backoff: () => RETRY_MS_MIN / 1_000,
      target_session_attrs: 'primary',
      onnotice: () => undefined,
      connection: {
        application_name: 'epicserver state',
        statement_timeout: statementMs,
        // What the schema's function is written for, whatever the database's owner prefers.
        default_transaction_isolation: 'read committed',
      },
    })
  }
}

/** What went wrong, without the wrapping of what was never sent. */
export function causeOf(error: unknown): unknown {
  return error instanceof NotSent ? error.cause : error
}

/** @throws EpicError when no second try will help */
export function throwIfRefused(error: unknown, attempt: string): void {
  const cause = causeOf(error)
  if (cause instanceof EpicError) throw cause
  if (meaningOf(cause) === 'refused') throw refusalFrom(cause, attempt)
}

/** The error for what was certainly not done within its time. */
export function unavailableError(error: unknown, attempt: string): EpicError {
  const cause = causeOf(error)
  const code = codeOf(cause) === '25006' ? 'StoreReadOnly' : 'Unavailable'
  return new EpicError(code, `Cannot ${attempt}: ${messageOf(cause)}`, { cause })
}
