/**
 * The cluster store of a node process: asks the authority of its machine over a unix socket.
 *
 * It connects again by itself, for ever. Requests wait for that up to a deadline. Each watch remembers where it is and goes on from
 * there; the authority says `reset` when it no longer knows that past, and so does this client when it finds another truth at the
 * socket (a data folder that was made anew), whose revisions mean something else.
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
  Rec,
  Rev,
  Txn,
  TxnResult,
  WatchEvent,
} from '@epicserver/contracts'
import { AuthorityLink } from './authority-link.ts'
import type { Question } from './authority-link.ts'
import { systemClock } from './clock.ts'
import type { Clock } from './clock.ts'
import { LMDB_LIMITS, REQUEST_MS_MAX, WATCHES_MAX } from './limits.ts'
import { leaseFrom, listResultFrom, recOrNullFrom, ttlFrom, txnResultFrom } from './messages.ts'
import type { Addressed, Reply } from './messages.ts'

/** What a {@link ClusterClient} is made of. */
export interface ClusterClientOptions {
  readonly socketPath: string
  /** How long a request may take, the wait for a connection included. */
  readonly requestMs?: number
  readonly clock?: Clock
}

interface Watch {
  readonly prefix: string
  readonly on: (events: readonly WatchEvent[] | 'reset') => void
  rev: Rev
}

/** A lease's id is short; what is longer was never granted, and need not be sent to find that out. */
const LEASE_UNITS_MAX = 128

/**
 * A client of the machine's authority.
 * @example
 * const store = new ClusterClient({ socketPath: 'data/cluster.sock' })
 * const lease = await store.grant(1_000)
 */
export class ClusterClient implements ClusterStore {
  readonly limits: ClusterStoreLimits = LMDB_LIMITS
  readonly #link: AuthorityLink
  readonly #watches = new Map<number, Watch>()
  #storeId: string | undefined
  #isClosed = false

  constructor(options: ClusterClientOptions) {
    this.#link = new AuthorityLink({
      socketPath: options.socketPath,
      clock: options.clock ?? systemClock,
      requestMs: options.requestMs ?? REQUEST_MS_MAX,
      onReady: (storeId) => this.#handleReady(storeId),
      onReport: (report) => this.#handleReport(report),
    })
  }

  async get(key: string): Promise<Rec | null> {
    checkClusterKey(key)
    const attempt = `read ${JSON.stringify(key)}`
    return this.#ask({ attempt, ...READ, request: { kind: 'get', key } }, recOrNullFrom)
  }

  async list(prefix: string): Promise<{ recs: readonly Rec[]; rev: Rev }> {
    checkClusterPrefix(prefix)
    const attempt = `list ${JSON.stringify(prefix)}`
    return this.#ask({ attempt, ...READ, request: { kind: 'list', prefix } }, listResultFrom)
  }

  async txn(txn: Txn): Promise<TxnResult> {
    checkTxn(txn, this.limits)
    for (const op of [...txn.then, ...(txn.else ?? [])]) {
      if (op.op === 'put' && op.lease !== undefined) checkLease(op.lease)
    }
    const attempt = 'run a transaction'
    return this.#ask({ attempt, ...CHANGE, request: { kind: 'txn', txn } }, txnResultFrom)
  }

  watch(
    prefix: string,
    from: Rev,
    on: (events: readonly WatchEvent[] | 'reset') => void,
  ): { close(): void } {
    checkClusterPrefix(prefix)
    if (this.#isClosed) throw new EpicError('Unavailable', 'Cannot watch: the store is closed')
    if (this.#watches.size >= WATCHES_MAX) {
      throw new EpicError('Overloaded', `Cannot watch: ${WATCHES_MAX} watches are open`)
    }
    const id = this.#link.nextId()
    this.#watches.set(id, { prefix, rev: from, on })
    this.#link.tell(id, { kind: 'watch', prefix, from })
    return { close: () => this.#unwatch(id) }
  }

  async grant(ttlMs: number): Promise<{ id: LeaseId; ttlMs: number }> {
    checkLeaseTtl(ttlMs)
    const attempt = 'grant a lease'
    return this.#ask({ attempt, ...CHANGE, request: { kind: 'grant', ttlMs } }, leaseFrom)
  }

  async keepAlive(id: LeaseId): Promise<{ ttlMs: number }> {
    checkLease(id)
    const attempt = `renew the lease ${id}`
    return this.#ask({ attempt, ...REPEATABLE, request: { kind: 'keepAlive', lease: id } }, ttlFrom)
  }

  async revoke(id: LeaseId): Promise<void> {
    if (!isLease(id)) return
    const attempt = `revoke the lease ${id}`
    await this.#ask({ attempt, ...REPEATABLE, request: { kind: 'revoke', lease: id } }, () => true)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#watches.clear()
    this.#link.close()
  }

  async #ask<Answer>(
    question: Question,
    answerFrom: (result: unknown) => Answer | undefined,
  ): Promise<Answer> {
    const answer = answerFrom(await this.#link.ask(question))
    if (answer !== undefined) return answer
    throw new EpicError(
      'ProtocolBroken',
      `Cannot ${question.attempt}: the authority's answer cannot be`,
    )
  }

  #unwatch(id: number): void {
    if (this.#watches.delete(id)) this.#link.tell(id, { kind: 'unwatch', watch: id })
  }

  #handleReady(storeId: string): void {
    const isAnother = this.#storeId !== undefined && this.#storeId !== storeId
    this.#storeId = storeId
    for (const [id, watch] of this.#watches) {
      if (isAnother) this.#reset(id, watch)
      else this.#link.tell(id, { kind: 'watch', prefix: watch.prefix, from: watch.rev })
    }
  }

  #handleReport({ id, body }: Addressed<Extract<Reply, { kind: 'events' | 'reset' }>>): void {
    const watch = this.#watches.get(id)
    if (watch === undefined) return
    if (body.kind === 'reset') return this.#reset(id, watch)
    const last = body.events.at(-1)
    if (last !== undefined) watch.rev = last.kind === 'put' ? last.rec.rev : last.rev
    watch.on(body.events)
  }

  #reset(id: number, watch: Watch): void {
    this.#watches.delete(id)
    watch.on('reset')
  }
}

const READ = { isChange: false, isRepeatable: true } as const
const REPEATABLE = { isChange: true, isRepeatable: true } as const
const CHANGE = { isChange: true, isRepeatable: false } as const

function isLease(id: LeaseId): boolean {
  return id.length <= LEASE_UNITS_MAX
}

function checkLease(id: LeaseId): void {
  if (isLease(id)) return
  throw new EpicError(
    'LeaseLost',
    `Cannot use a lease id of ${id.length} characters: none was granted`,
  )
}
