/** One of a store's databases: what the port asks, as statements. Requests are checked by whoever asks. */
import { formatEntityId } from '@epicserver/contracts'
import type {
  DueQuery,
  EntityId,
  IndexStatus,
  Scan,
  StoredRecord,
  Task,
} from '@epicserver/contracts'
import { numberArray } from './array-text.ts'
import { BatchQueue } from './batch-queue.ts'
import type { Database } from './database.ts'
import type { Job } from './entity-jobs.ts'
import { EPOCHS_LOOKED_AT, SWEPT_ENTRIES } from './limits.ts'
import type { Statement } from './link.ts'
import type { WalkPage } from './merge.ts'
import { walkOf } from './walk.ts'
import type { WalkRow } from './walk.ts'

interface RecordRow {
  readonly epoch: string
  readonly version: string
  readonly state: Uint8Array
}

interface TaskRow {
  readonly type: string
  readonly id: Uint8Array
  readonly key: Uint8Array
  readonly due_ms: string
  readonly body: Uint8Array
}

interface IndexRow {
  readonly type: string
  readonly name: Uint8Array
  readonly definition: Uint8Array
  readonly is_ready: boolean
}

interface EpochRow {
  readonly type: string
  readonly id: Uint8Array
  readonly highest: string
}

/** Above every instant that a task may have, and within what the database counts. */
const NEVER_MS = 2 ** 53

export class ShardStore {
  readonly #database: Database
  readonly #queue: BatchQueue
  readonly #schema: string
  readonly #statements: ReturnType<typeof statementsOf>

  constructor(database: Database, schema: string) {
    this.#database = database
    this.#schema = `"${schema}"`
    this.#queue = new BatchQueue(database, this.#schema)
    this.#statements = statementsOf(this.#schema)
  }

  /** Resolves when the database has answered, and its schema is the one that is meant. */
  async prepare(): Promise<void> {
    await this.#database.ask('reach the database', this.#statements.ping, [])
  }

  change<Answer>(job: Job & { readonly promise: Promise<Answer> }): Promise<Answer> {
    return this.#queue.add(job)
  }

  async read(entity: EntityId): Promise<StoredRecord | null> {
    const attempt = `read "${formatEntityId(entity)}"`
    const values = [entity.type, Buffer.from(entity.id)]
    const [row] = await this.#database.ask<RecordRow>(attempt, this.#statements.read, values)
    if (row === undefined) return null
    const { epoch, version, state } = row
    return { entity, epoch: BigInt(epoch), version: BigInt(version), bytes: state }
  }

  async due({ partitions, beforeMs, limit }: DueQuery): Promise<Task[]> {
    const before = Math.ceil(Math.min(Math.max(beforeMs, 0), NEVER_MS))
    const values = [before, numberArray(partitions), limit]
    const rows = await this.#database.ask<TaskRow>('look for tasks', this.#statements.due, values)
    return rows.map(({ type, id, key, due_ms: dueMs, body }) => ({
      entity: { type, id: textOf(id) },
      key: textOf(key),
      dueMs: Number(dueMs),
      body,
    }))
  }

  async walk(scan: Scan): Promise<WalkPage> {
    const { statement, values } = walkOf(this.#schema, scan)
    const rows = await this.#database.ask<WalkRow>(`walk over "${scan.type}"`, statement, values)
    const page = rows.slice(0, scan.limit)
    return { rows: page, isLast: page.length === (rows[0]?.found ?? 0) }
  }

  /** The highest epoch that is stored, of removed entities too; 0 without any. Looks at every record, some at a time. */
  async highestEpoch(): Promise<bigint> {
    let highest = 0n
    let after: [type: string, id: Uint8Array] = ['', Buffer.alloc(0)]
    for (;;) {
      const [last] = await this.#database.ask<EpochRow>(
        'look for the highest epoch',
        this.#statements.epochs,
        [...after, EPOCHS_LOOKED_AT],
      )
      if (last === undefined) return highest
      const found = BigInt(last.highest)
      if (found > highest) highest = found
      after = [last.type, last.id]
    }
  }

  async indexes(type: string | undefined): Promise<IndexStatus[]> {
    const values = [type ?? null]
    const rows = await this.#database.ask<IndexRow>(
      'list indexes',
      this.#statements.indexes,
      values,
    )
    return rows.map((row) => ({
      type: row.type,
      index: textOf(row.name),
      definition: textOf(row.definition),
      status: row.is_ready ? 'ready' : 'building',
    }))
  }

  /** Entries of another definition go first, so that whoever sees the new one never meets them. */
  async setIndex({ type, index, definition, status }: IndexStatus): Promise<void> {
    const attempt = `announce the index "${index}"`
    const [name, made] = [Buffer.from(index), Buffer.from(definition)]
    const stale = await this.#database.ask(attempt, this.#statements.unready, [type, name, made])
    if (stale.length > 0) await this.#sweep(type, name)
    const values = [type, name, made, status === 'ready']
    await this.#database.ask(attempt, this.#statements.announce, values)
  }

  async dropIndex(type: string, index: string): Promise<void> {
    const name = Buffer.from(index)
    await this.#database.ask(`drop the index "${index}"`, this.#statements.forget, [type, name])
    await this.#sweep(type, name)
  }

  async close(): Promise<void> {
    this.#database.handleClosing()
    await this.#queue.drain()
    await this.#database.close()
  }

  /** Some at a time, so that no statement takes long and no writer waits. */
  async #sweep(type: string, name: Buffer): Promise<void> {
    for (;;) {
      const swept = await this.#database.ask<{ count: number }>(
        `sweep the index "${textOf(name)}"`,
        this.#statements.sweep,
        [type, name, SWEPT_ENTRIES],
      )
      if ((swept[0]?.count ?? 0) < SWEPT_ENTRIES) return
    }
  }
}

function statementsOf(s: string) {
  return {
    ping: { name: 'ping', text: `SELECT format FROM ${s}.meta` },
    read: {
      name: 'read',
      text: `SELECT epoch, version, state FROM ${s}.entity
        WHERE type = $1 AND id = $2 AND state IS NOT NULL`,
    },
    due: {
      name: 'due',
      text: `SELECT type, id, key, due_ms, body FROM ${s}.task
        WHERE due_ms < $1::bigint AND partition = ANY($2::smallint[])
        ORDER BY due_ms LIMIT $3`,
    },
    epochs: {
      name: 'epochs',
      text: `SELECT type, id, max(epoch) OVER ()::text AS highest FROM (
          SELECT type, id, epoch FROM ${s}.entity
          WHERE (type, id) > ($1, $2) ORDER BY type, id LIMIT $3
        ) AS page ORDER BY type DESC, id DESC LIMIT 1`,
    },
    indexes: {
      name: 'indexes',
      text: `SELECT type, name, definition, is_ready FROM ${s}.declared_index
        WHERE $1::text IS NULL OR type = $1 ORDER BY type, name`,
    },
    unready: {
      name: 'announce',
      text: `UPDATE ${s}.declared_index SET is_ready = false
        WHERE type = $1 AND name = $2 AND definition <> $3 RETURNING true`,
    },
    announce: {
      name: 'announce',
      text: `INSERT INTO ${s}.declared_index (type, name, definition, is_ready)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (type, name)
          DO UPDATE SET definition = excluded.definition, is_ready = excluded.is_ready`,
    },
    forget: {
      name: 'forget',
      text: `DELETE FROM ${s}.declared_index WHERE type = $1 AND name = $2`,
    },
    sweep: {
      name: 'sweep',
      text: `WITH swept AS (
          DELETE FROM ${s}.entry WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM ${s}.entry WHERE type = $1 AND name = $2 LIMIT $3
          )) RETURNING 1
        ) SELECT count(*)::int AS count FROM swept`,
    },
  } satisfies Readonly<Record<string, Statement>>
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
}
