/**
 * One connection to a database: made at the first use, tried when it was silent for long, given up when it fails, and made again.
 *
 * | state | when |
 * | --- | --- |
 * | none | before the first use, and after a failure of the connection |
 * | open | a statement is under way, or was not long ago |
 * | silent | nothing came for `validateAfterMs`: the next statement is preceded by a try |
 *
 * A statement that fails before it was sent is {@link NotSent}: certainly not done. What it means otherwise is for whoever asked to
 * judge; the link only decides whether its connection may be used again.
 */
import { codeOf, messageOf, withDeadline } from '@epicserver/postgres-link'
import type { Sql } from 'postgres'
import { ANSWER_MS, VALIDATE_MS_MAX } from './limits.ts'
import type { Statistics } from './statistics.ts'

/** A statement, known by its name in statistics and messages. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** What a statement may be given. */
export type Value = string | number | boolean | Uint8Array | null

/** How a statement is run. */
export interface RunOptions {
  /** How many requests it carries. */
  readonly requests: number
  /** How long it may take at most, however long the database may work on it. */
  readonly waitMs: number
}

/** What a {@link Link} is made of. */
export interface LinkOptions {
  /** A driver with one connection. */
  readonly open: () => Sql
  /** Makes sure that the schema is there; called before anything else. */
  readonly prepare: (sql: Sql) => Promise<void>
  readonly statistics: Statistics
  readonly statementMs: number
  readonly validateAfterMs: number
}

/** What was asked was never begun. */
export class NotSent extends Error {
  constructor(cause: unknown) {
    super(messageOf(cause), { cause })
  }
}

/** A server that is only a copy, or became one: the next connection finds the one that writes. */
const READ_ONLY = '25006'

export class Link {
  readonly #options: LinkOptions
  #sql: Sql | undefined
  #heardAt = 0

  constructor(options: LinkOptions) {
    this.#options = options
  }

  /** Runs a statement. Throws what the driver throws, {@link NotSent}, or an `EpicError` of the schema. */
  async run<Row extends object>(
    statement: Statement,
    values: readonly Value[],
    { requests, waitMs }: RunOptions,
  ): Promise<readonly Row[]> {
    const sql = await this.#ready()
    const startedAt = performance.now()
    let error: string | undefined
    try {
      const answer = sql.unsafe<Row[]>(statement.text, [...values], { prepare: true })
      const rows = await withDeadline(
        answer,
        Math.min(waitMs, this.#options.statementMs + ANSWER_MS),
      )
      this.#heardAt = performance.now()
      return rows
    } catch (failure) {
      error = messageOf(failure)
      if (isOfConnection(failure)) this.#giveUp(sql)
      throw failure
    } finally {
      const tookMs = performance.now() - startedAt
      const failed = error === undefined ? {} : { error }
      this.#options.statistics.handleExecution({
        statement: statement.name,
        tookMs,
        requests,
        ...failed,
      })
    }
  }

  async close(): Promise<void> {
    const sql = this.#sql
    this.#sql = undefined
    await sql?.end({ timeout: 0 })
  }

  /** A connection that answers, as far as one can know. */
  async #ready(): Promise<Sql> {
    if (this.#sql !== undefined && !(await this.#isAlive(this.#sql))) this.#giveUp(this.#sql)
    const sql = (this.#sql ??= this.#options.open())
    try {
      await this.#options.prepare(sql)
    } catch (error) {
      if (isOfConnection(error)) this.#giveUp(sql)
      throw new NotSent(error)
    }
    return sql
  }

  async #isAlive(sql: Sql): Promise<boolean> {
    if (performance.now() - this.#heardAt < this.#options.validateAfterMs) return true
    try {
      // A connection that was closed in order is made again for this.
      await withDeadline(sql.unsafe('SELECT 1', [], { prepare: true }), VALIDATE_MS_MAX)
      return true
    } catch {
      // Whatever is wrong with it, a new one is made, and tells.
      return false
    }
  }

  #giveUp(sql: Sql): void {
    if (sql === this.#sql) this.#sql = undefined
    // Nothing waits there any more but what was given up.
    sql.end({ timeout: 0 }).catch(() => undefined)
  }
}

/** Whether it says something about the connection, beside what was asked. */
function isOfConnection(error: unknown): boolean {
  if (codeOf(error) === READ_ONLY) return true
  return !(error instanceof Error && 'severity' in error && error.severity === 'ERROR')
}
