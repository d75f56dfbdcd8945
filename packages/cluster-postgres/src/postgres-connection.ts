/**
 * A client's way to its database: a few connections, deadlines, second tries, and the schema at the first use.
 *
 * | the request | cannot connect, or the database says ERROR | no answer, or the connection is lost |
 * | --- | --- | --- |
 * | reads | again, until the deadline: `Unavailable` | the same |
 * | may be done twice (renew, revoke, tick) | again, until the deadline: `Unavailable` | again, until the deadline: `Unknown` |
 * | changes | again, until the deadline: `Unavailable` | `Unknown`, at once |
 *
 * The database ends a statement by itself after `STATEMENT_MS_MAX`, and then certainly did nothing. When not even that answer
 * comes, or a connection is lost, all of them are given up and new ones made: the driver forgets to listen when it cannot connect
 * again at once. What still runs on the old ones may finish.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { EpicError } from '@epicserver/contracts'
import postgres from 'postgres'
import type { ISql, Sql } from 'postgres'
import {
  ANSWER_MS,
  CONNECTIONS,
  CONNECT_MS_MAX,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
  STATEMENT_MS_MAX,
} from './limits.ts'
import { hostsOf, meaningOf, messageOf, refusalFrom, withDeadline } from '@epicserver/postgres-link'
import { FORMAT, channelOf, schemaStatements } from './schema.ts'
import type { Encryption } from '@epicserver/postgres-link'

/** The driver, with 64-bit numbers as BigInts. */
export type Database = Sql<{ bigint: bigint }>

/** What a {@link PostgresConnection} is made of. */
export interface PostgresConnectionOptions {
  readonly address: string
  readonly encryption: Encryption
  readonly schema: string
  readonly requestMs: number
}

/** What may be done about a request that got no answer. */
export type Kind = 'read' | 'repeatable' | 'change'

/** A request, with what its failure depends on. */
export interface PostgresRequest<Row> {
  /** For messages: `read "view"`. */
  readonly attempt: string
  readonly kind: Kind
  readonly run: (sql: Database) => Promise<readonly Row[]>
}

/** Ends all connections of a pool that is given up; what still runs there may finish within it. */
const RETIRED_SECONDS = 3

export class PostgresConnection {
  readonly #options: PostgresConnectionOptions
  #sql: Database | undefined
  #prepared: Promise<void> | undefined
  #listening: (() => void) | undefined
  #isClosed = false

  constructor(options: PostgresConnectionOptions) {
    this.#options = options
  }

  /**
   * Asks until there is an answer, or none is to be expected.
   * @throws EpicError
   */
  async ask<Row>(request: PostgresRequest<Row>): Promise<readonly Row[]> {
    const deadline = performance.now() + this.#options.requestMs
    let mayBeDone = false
    for (let retryMs = RETRY_MS_MIN; ; retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)) {
      this.#assertOpen(request.attempt)
      try {
        return await this.#try(request, deadline)
      } catch (error) {
        mayBeDone ||= this.#judge(request, error)
        if (performance.now() + retryMs >= deadline) throw lostError(request, error, mayBeDone)
      }
      await pause(retryMs)
    }
  }

  /** From now on `on` is called when something has changed, and whenever that may have been missed. */
  listen(on: () => void): void {
    this.#listening = on
    if (this.#sql !== undefined) this.#listenOn(this.#sql)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#listening = undefined
    const sql = this.#sql
    this.#sql = undefined
    await sql?.end({ timeout: 0 })
  }

  async #try<Row>(request: PostgresRequest<Row>, deadline: number): Promise<readonly Row[]> {
    const sql = (this.#sql ??= this.#open())
    const leftMs = Math.min(deadline - performance.now(), STATEMENT_MS_MAX + ANSWER_MS)
    try {
      return await withDeadline(this.#prepareThenRun(sql, request), Math.max(leftMs, 1))
    } catch (error) {
      if (isOfConnection(error)) this.#giveUp(sql)
      throw error
    }
  }

  async #prepareThenRun<Row>(
    sql: Database,
    request: PostgresRequest<Row>,
  ): Promise<readonly Row[]> {
    this.#prepared ??= this.#prepare(sql)
    try {
      await this.#prepared
    } catch (error) {
      this.#prepared = undefined
      throw error instanceof EpicError ? error : new NotPrepared(error)
    }
    return request.run(sql)
  }

  /**
   * Whether the request may be done.
   * @throws EpicError when there must be no second try.
   */
  #judge(request: PostgresRequest<unknown>, error: unknown): boolean {
    if (error instanceof EpicError) throw error
    const cause = error instanceof NotPrepared ? error.cause : error
    const meaning = meaningOf(cause)
    if (meaning === 'refused') throw refusalFrom(cause, request.attempt)
    if (meaning === 'not done' || error instanceof NotPrepared) return false
    if (request.kind === 'change') throw lostError(request, error, true)
    return true
  }

  #open(): Database {
    const { address, encryption, requestMs } = this.#options
    const sql = postgres(address, {
      ...hostsOf(address),
      ssl: encryption,
      max: CONNECTIONS,
      fetch_types: false,
      connect_timeout: Math.max(1, Math.ceil(Math.min(CONNECT_MS_MAX, requestMs) / 1_000)),
      backoff: () => RETRY_MS_MIN / 1_000,
      target_session_attrs: 'primary',
      types: { bigint: postgres.BigInt },
      onnotice: () => undefined,
      connection: {
        application_name: 'epicserver cluster',
        statement_timeout: Math.min(STATEMENT_MS_MAX, requestMs),
        // What the schema's functions are written for, whatever the database's owner prefers.
        default_transaction_isolation: 'read committed',
      },
    })
    if (this.#listening !== undefined) this.#listenOn(sql)
    return sql
  }

  /** The driver listens again by itself when its connection is lost, and says so. */
  #listenOn(sql: Database): void {
    const tell = (): void => this.#listening?.()
    // When it cannot connect the next connections listen; until then ticks find out what changed.
    sql.listen(channelOf(this.#options.schema), tell, tell).catch(() => this.#giveUp(sql))
  }

  #giveUp(sql: Database): void {
    if (sql === this.#sql) {
      this.#sql = undefined
      // The next connection may lead to another server, with nothing in it.
      this.#prepared = undefined
    }
    // Whoever still waits there is told by the driver.
    sql.end({ timeout: RETIRED_SECONDS }).catch(() => undefined)
  }

  /** Makes the schema where there is none. */
  async #prepare(sql: Database): Promise<void> {
    const { schema } = this.#options
    if (!(await hasHead(sql, schema))) await this.#create(sql)
    const [head] = await sql<{ format: number }[]>`SELECT format FROM ${sql(schema)}.head`
    if (head?.format === FORMAT) return
    throw new EpicError(
      'StoreNewer',
      `Cannot use the schema "${schema}": it has format ${head?.format}, this version reads ${FORMAT}`,
    )
  }

  async #create(sql: Database): Promise<void> {
    const { schema } = this.#options
    await sql.begin(async (transaction) => {
      // Of clients that start together one makes it, and the others find it.
      await transaction`SELECT pg_advisory_xact_lock(hashtext(${schema}))`
      if (await hasHead(transaction, schema)) return
      await transaction`CREATE SCHEMA IF NOT EXISTS ${transaction(schema)}`
      for (const statement of schemaStatements(schema)) await transaction.unsafe(statement)
    })
  }

  #assertOpen(attempt: string): void {
    if (this.#isClosed) throw new EpicError('Unavailable', `Cannot ${attempt}: the store is closed`)
  }
}

/**
 * Whether the schema is there. Asked of the catalogue's tables: what `to_regclass` answers from is a cache, which inside a
 * transaction may still be without what another has made meanwhile.
 */
async function hasHead(sql: ISql<{ bigint: bigint }>, schema: string): Promise<boolean> {
  const found = await sql`
    SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ${schema} AND c.relname = 'head'`
  return found.length > 0
}

/** What was asked was never begun. */
class NotPrepared extends Error {
  constructor(cause: unknown) {
    super(messageOf(cause), { cause })
  }
}

/** Whether it says something about the connection, and nothing about what was asked. */
function isOfConnection(error: unknown): boolean {
  if (error instanceof EpicError) return false
  const cause = error instanceof NotPrepared ? error.cause : error
  return !(cause instanceof Error && 'severity' in cause && cause.severity === 'ERROR')
}

function lostError(
  { attempt, kind }: PostgresRequest<unknown>,
  cause: unknown,
  mayBeDone: boolean,
): EpicError {
  return mayBeDone && kind !== 'read'
    ? new EpicError(
        'Unknown',
        `Cannot tell whether it was done to ${attempt}: ${messageOf(cause)}`,
        { cause },
      )
    : new EpicError('Unavailable', `Cannot ${attempt}: ${messageOf(cause)}`, { cause })
}
