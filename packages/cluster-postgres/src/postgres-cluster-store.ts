/**
 * The cluster store on PostgreSQL, for teams that have a database and nothing else.
 *
 * The functions in the schema do the work (schema.ts); this calls them. What it costs: a change is one lock that all changes take in
 * turn, and the truth is where the database is. When the database is away, so is the cluster store; when a standby takes over that
 * had not received everything, what it lacks was acknowledged and is lost. Run it with a synchronous standby, or with none.
 */
import {
  EpicError,
  checkClusterKey,
  checkClusterPrefix,
  checkLeaseTtl,
  checkTxn,
} from '@epicserver/contracts'
import type {
  ClusterStore,
  ClusterStoreLimits,
  LeaseId,
  Op,
  Rec,
  Rev,
  Txn,
  TxnResult,
  WatchEvent,
} from '@epicserver/contracts'
import { ChangeFeed } from './change-feed.ts'
import type { Fetched } from './change-feed.ts'
import { FAILOVER_MS, FETCH_REVS, REQUEST_MS_MAX, TICK_MS, limitsOf } from './limits.ts'
import { PostgresConnection } from './postgres-connection.ts'
import { checkSchemaName, encryptionOf } from '@epicserver/postgres-link'
import type { TlsOptions } from '@epicserver/postgres-link'

/** What a {@link PostgresClusterStore} is made of. */
export interface PostgresClusterStoreOptions {
  /** `postgres://user:password@host:port/database`; several hosts separated by commas, of which the primary is used. */
  readonly address: string
  /** Where the cluster's tables are; one for each cluster. Made at the first use. */
  readonly schema: string
  readonly tls?: TlsOptions
  /** Lets the address lead to another machine without encryption; only on a network that nobody else can listen to. */
  readonly allowPlainText?: boolean
  /** How long a request may take, tries included. */
  readonly requestMs?: number
  /** How long this database may be away when it fails over; lease times must exceed twice this. */
  readonly failoverMs?: number
}

interface RecordRow {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly rev: Rev
  readonly lease: LeaseId | null
}

interface HeadRow {
  readonly store_id: string
  readonly head_rev: Rev
  readonly floor: Rev
}

/** A read inside a transaction, as JSON has it. */
interface Read {
  readonly key: string
  readonly value: string
  readonly rev: string
  readonly lease: LeaseId | null
}

type Nullable<Row> = { readonly [Name in keyof Row]: Row[Name] | null }

/** What the schema gives; anything else was never granted. */
const LEASE_ID = /^[1-9][0-9]{0,18}-[0-9a-f]{16}$/
/** No key is above: the first byte of UTF-8 is below. */
const ABOVE_ALL = Uint8Array.of(0xff)

/**
 * A client of a cluster's truth in a PostgreSQL database.
 * @example
 * const store = new PostgresClusterStore({ address: 'postgres://epic@localhost/epic', schema: 'cluster' })
 * const lease = await store.grant(6_000)
 */
export class PostgresClusterStore implements ClusterStore {
  readonly limits: ClusterStoreLimits
  readonly #connection: PostgresConnection
  readonly #schema: string
  readonly #feed: ChangeFeed
  readonly #ticking: NodeJS.Timeout
  #isTicking = false
  #isClosed = false

  /** @throws EpicError `SettingsInvalid` */
  constructor(options: PostgresClusterStoreOptions) {
    const { address, schema, requestMs = REQUEST_MS_MAX } = options
    checkSchemaName(schema)
    this.limits = limitsOf(options.failoverMs ?? FAILOVER_MS)
    this.#schema = schema
    const encryption = encryptionOf(address, options)
    this.#connection = new PostgresConnection({ address, encryption, schema, requestMs })
    this.#feed = new ChangeFeed({ fetch: (from) => this.#fetch(from) })
    this.#connection.listen(() => this.#feed.handleChange())
    this.#ticking = setInterval(() => void this.#tick(), TICK_MS)
  }

  async get(key: string): Promise<Rec | null> {
    checkClusterKey(key)
    const [row] = await this.#connection.ask<RecordRow>({
      attempt: `read ${show(key)}`,
      kind: 'read',
      run: (sql) => sql<RecordRow[]>`
        SELECT key, value, rev, lease FROM ${sql(this.#schema)}.record WHERE key = ${Buffer.from(key)}`,
    })
    return row === undefined ? null : recFrom(row)
  }

  async list(prefix: string): Promise<{ recs: Rec[]; rev: Rev }> {
    checkClusterPrefix(prefix)
    const start = Buffer.from(prefix)
    const rows = await this.#connection.ask<HeadRow & Nullable<RecordRow>>({
      attempt: `list ${show(prefix)}`,
      kind: 'read',
      // One statement sees one state, so the revision is that of the records.
      run: (sql) => sql<(HeadRow & Nullable<RecordRow>)[]>`
        SELECT h.rev AS head_rev, r.key, r.value, r.rev, r.lease
        FROM ${sql(this.#schema)}.head h
        LEFT JOIN ${sql(this.#schema)}.record r ON r.key >= ${start} AND r.key < ${endOf(start)}
        ORDER BY r.key`,
    })
    return {
      recs: rows.flatMap((row) => (isRecord(row) ? recFrom(row) : [])),
      rev: rows[0]?.head_rev ?? 0n,
    }
  }

  async txn(txn: Txn): Promise<TxnResult> {
    checkTxn(txn, this.limits)
    for (const op of [...txn.then, ...(txn.else ?? [])]) {
      if (op.op === 'put' && op.lease !== undefined && !LEASE_ID.test(op.lease))
        throw lostError(op.lease)
    }
    const request = JSON.stringify({
      if: txn.if.map((condition) => ({
        ...condition,
        key: base64(Buffer.from(condition.key)),
        ...(condition.is === 'at' ? { rev: String(condition.rev) } : {}),
      })),
      then: txn.then.map(jsonFrom),
      else: (txn.else ?? []).map(jsonFrom),
    })
    const [row] = await this.#connection.ask({
      attempt: 'run a transaction',
      kind: isReading(txn) ? 'read' : 'change',
      run: (sql) => sql<{ outcome: string; rev: Rev; reads: readonly Read[] }[]>`
        SELECT outcome, rev, reads FROM ${sql(this.#schema)}.txn(${request}::text::jsonb)`,
    })
    if (row === undefined)
      throw new EpicError('ProtocolBroken', 'Cannot run a transaction: no row came back')
    if (row.outcome === 'lost')
      throw new EpicError('LeaseLost', 'Cannot put under a lease that expired or was never granted')
    return { ok: row.outcome === 'then', rev: row.rev, reads: row.reads.map(recFromRead) }
  }

  watch(
    prefix: string,
    from: Rev,
    on: (events: readonly WatchEvent[] | 'reset') => void,
  ): { close(): void } {
    checkClusterPrefix(prefix)
    if (this.#isClosed) throw new EpicError('Unavailable', 'Cannot watch: the store is closed')
    const watcher = { prefix, rev: from, on }
    this.#feed.add(watcher)
    return { close: () => this.#feed.remove(watcher) }
  }

  async grant(ttlMs: number): Promise<{ id: LeaseId; ttlMs: number }> {
    checkLeaseTtl(ttlMs)
    const granted = Math.max(ttlMs, this.limits.ttlMsMin)
    const [row] = await this.#connection.ask({
      attempt: 'grant a lease',
      kind: 'change',
      run: (sql) =>
        sql<{ id: LeaseId }[]>`SELECT ${sql(this.#schema)}.grant_lease(${granted}) AS id`,
    })
    if (row === undefined)
      throw new EpicError('ProtocolBroken', 'Cannot grant a lease: no row came back')
    return { id: row.id, ttlMs: granted }
  }

  async keepAlive(id: LeaseId): Promise<{ ttlMs: number }> {
    if (!LEASE_ID.test(id)) throw lostError(id)
    const [row] = await this.#connection.ask({
      attempt: `renew the lease ${id}`,
      kind: 'repeatable',
      run: (sql) =>
        sql<{ ttl: bigint | null }[]>`SELECT ${sql(this.#schema)}.keep_alive(${id}) AS ttl`,
    })
    if (row === undefined || row.ttl === null) throw lostError(id)
    return { ttlMs: Number(row.ttl) }
  }

  async revoke(id: LeaseId): Promise<void> {
    if (!LEASE_ID.test(id)) return
    await this.#connection.ask({
      attempt: `revoke the lease ${id}`,
      kind: 'repeatable',
      run: (sql) => sql`SELECT ${sql(this.#schema)}.revoke_lease(${id})`,
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#ticking)
    this.#feed.clear()
    await this.#connection.close()
  }

  async #tick(): Promise<void> {
    if (this.#isTicking) return
    this.#isTicking = true
    try {
      const [row] = await this.#connection.ask({
        attempt: 'look at the leases',
        kind: 'repeatable',
        run: (sql) => sql<{ store_id: string; rev: Rev }[]>`
          SELECT store_id, rev FROM ${sql(this.#schema)}.tick(false)`,
      })
      if (row !== undefined) this.#feed.handleTick(row.store_id, row.rev)
    } catch {
      // The database is away; whoever asks for something is told. The next tick comes anyway.
    } finally {
      this.#isTicking = false
    }
  }

  async #fetch(from: Rev): Promise<Fetched> {
    const to = from + BigInt(FETCH_REVS)
    const rows = await this.#connection.ask({
      attempt: 'fetch changes',
      kind: 'read',
      run: (sql) => sql<(HeadRow & Nullable<RecordRow>)[]>`
        SELECT h.store_id, h.rev AS head_rev, h.floor, c.key, c.value, c.rev, c.lease
        FROM ${sql(this.#schema)}.head h
        LEFT JOIN ${sql(this.#schema)}.change c ON c.rev > ${from} AND c.rev <= ${to}
        ORDER BY c.rev, c.place`,
    })
    const [head] = rows
    if (head === undefined)
      throw new EpicError('ProtocolBroken', 'Cannot fetch changes: the schema has no head')
    return {
      storeId: head.store_id,
      rev: head.head_rev,
      floor: head.floor,
      to: to < head.head_rev ? to : head.head_rev,
      events: rows.flatMap(eventFrom),
    }
  }
}

function recFrom({ key, value, rev, lease }: RecordRow): Rec {
  const rec = { key: Buffer.from(key).toString(), value: new Uint8Array(value), rev }
  return lease === null ? rec : { ...rec, lease }
}

function recFromRead({ key, value, rev, lease }: Read): Rec {
  return recFrom({
    key: Buffer.from(key, 'base64'),
    value: Buffer.from(value, 'base64'),
    rev: BigInt(rev),
    lease,
  })
}

function eventFrom(row: Nullable<RecordRow>): WatchEvent[] {
  if (isRecord(row)) return [{ kind: 'put', rec: recFrom(row) }]
  if (row.key === null || row.rev === null) return []
  return [{ kind: 'delete', key: Buffer.from(row.key).toString(), rev: row.rev }]
}

/** A row that is there: a join without a match has nulls, and so has a deletion for its value. */
function isRecord(row: Nullable<RecordRow>): row is RecordRow {
  return row.key !== null && row.value !== null && row.rev !== null
}

function jsonFrom(op: Op): Record<string, string> {
  const key = base64(Buffer.from(op.key))
  if (op.op !== 'put') return { op: op.op, key }
  const put = { op: op.op, key, value: base64(op.value) }
  return op.lease === undefined ? put : { ...put, lease: op.lease }
}

/** Whether it changes nothing, whichever list is done. */
function isReading(txn: Txn): boolean {
  return [...txn.then, ...(txn.else ?? [])].every((op) => op.op === 'get')
}

/** The first key after all that start with `prefix`. */
function endOf(prefix: Uint8Array): Uint8Array {
  for (let last = prefix.length - 1; last >= 0; last -= 1) {
    const byte = prefix[last] ?? 0xff
    if (byte === 0xff) continue
    const end = new Uint8Array(prefix.subarray(0, last + 1))
    end[last] = byte + 1
    return end
  }
  return ABOVE_ALL
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

function lostError(id: LeaseId): EpicError {
  return new EpicError(
    'LeaseLost',
    `Cannot use the lease ${show(id.slice(0, 64))}: it expired or was never granted`,
  )
}

function show(text: string): string {
  return JSON.stringify(text)
}
