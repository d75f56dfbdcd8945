/**
 * The cluster's truth as a pure state machine: records with revisions, leases, and the recent past.
 *
 * Idea: each call changes memory at once and answers; what must become durable before that answer may leave is collected, and
 * whoever keeps it on disk takes it with `pollDelta`. The store in memory takes nothing and answers at once; the authority of one
 * machine holds each answer until the delta is on disk.
 *
 * A revision is one change, however many keys it touches: a transaction, or the end of a lease with all its keys. What changes
 * nothing has no revision: reads, the deletion of a missing key, a lease that ends without keys.
 *
 * What it does not do: check requests against the port's rules (`checkTxn` of the contracts does), speak to watchers
 * (`WatchHub` does), read a clock.
 *
 * Subtle: the past that `changes` tells of includes what is not yet durable. The caller says up to which revision it may speak.
 */
import { EpicError } from '@epicserver/contracts'
import type { Cmp, LeaseId, Op, Rec, Rev, Txn, TxnResult, WatchEvent } from '@epicserver/contracts'
import { History } from './history.ts'
import { LeaseTable } from './lease-table.ts'
import type { Lease, SavedLease } from './lease-table.ts'
import { HISTORY_BYTES_MAX } from './limits.ts'
import { RecordMap } from './record-map.ts'

/** All that must be known to go on after a restart. */
export interface ClusterSnapshot {
  /** Made once for each store and part of every lease id, so that ids of two stores never meet. */
  readonly storeId: string
  readonly rev: Rev
  /** How many leases were ever granted. */
  readonly leaseCount: number
  readonly recs: readonly Rec[]
  readonly leases: readonly SavedLease[]
}

/** What changed since the last `pollDelta`: the latest state of each key and lease concerned. */
export interface ClusterDelta {
  readonly rev: Rev
  readonly leaseCount: number
  readonly puts: readonly Rec[]
  readonly deletes: readonly string[]
  readonly grants: readonly SavedLease[]
  readonly ends: readonly LeaseId[]
}

/** How a {@link ClusterLog} may be set. */
export interface ClusterLogOptions {
  readonly historyBytesMax?: number
}

/** A store in which nothing was ever written. */
export function emptySnapshot(storeId: string): ClusterSnapshot {
  return { storeId, rev: 0n, leaseCount: 0, recs: [], leases: [] }
}

export class ClusterLog {
  readonly #storeId: string
  readonly #recs = new RecordMap()
  readonly #leases = new LeaseTable()
  readonly #history: History
  #rev: Rev
  #leaseCount: number
  #dirtyKeys = new Set<string>()
  #dirtyLeases = new Set<LeaseId>()

  /** Saved leases start anew at `now`: how much of their time had passed is not known, and early is never right. */
  constructor(snapshot: ClusterSnapshot, now: number, options: ClusterLogOptions = {}) {
    this.#storeId = snapshot.storeId
    this.#rev = snapshot.rev
    this.#leaseCount = snapshot.leaseCount
    this.#history = new History(snapshot.rev, options.historyBytesMax ?? HISTORY_BYTES_MAX)
    for (const lease of snapshot.leases) this.#leases.add(lease, now)
    for (const rec of snapshot.recs) {
      this.#recs.set(rec)
      this.#leases.attach(rec.key, rec.lease)
    }
  }

  /** The revision of the last change. */
  get rev(): Rev {
    return this.#rev
  }

  /** Whether `pollDelta` has something to tell. */
  get hasDelta(): boolean {
    return this.#dirtyKeys.size > 0 || this.#dirtyLeases.size > 0
  }

  /** When `handleTick` has something to do at the earliest; `Infinity` without leases. */
  get nextExpiryAt(): number {
    return this.#leases.nextExpiryAt
  }

  get(key: string): Rec | null {
    return this.#recs.get(key) ?? null
  }

  list(prefix: string): { recs: Rec[]; rev: Rev } {
    return { recs: this.#recs.startingWith(prefix), rev: this.#rev }
  }

  /**
   * Compares, then does the one list or the other.
   * @throws EpicError `LeaseLost` when it would put under a lease that is gone; then nothing is done.
   */
  txn(txn: Txn): TxnResult {
    const ok = txn.if.every((condition) => this.#holds(condition))
    const ops = ok ? txn.then : (txn.else ?? [])
    for (const op of ops) if (op.op === 'put' && op.lease !== undefined) this.#leaseOf(op.lease)
    const rev = this.#rev + 1n
    const events: WatchEvent[] = []
    const reads: Rec[] = []
    for (const op of ops) this.#apply(op, rev, events, reads)
    this.#record(rev, events)
    return { ok, rev: this.#rev, reads }
  }

  grant(ttlMs: number, now: number): SavedLease {
    this.#leaseCount += 1
    const lease = { id: `${this.#leaseCount.toString(36)}-${this.#storeId}`, ttlMs }
    this.#leases.add(lease, now)
    this.#dirtyLeases.add(lease.id)
    return lease
  }

  /** @throws EpicError `LeaseLost` */
  keepAlive(id: LeaseId, now: number): { ttlMs: number } {
    const lease = this.#leaseOf(id)
    this.#leases.renew(lease, now)
    return { ttlMs: lease.ttlMs }
  }

  hasLease(id: LeaseId): boolean {
    return this.#leases.get(id) !== undefined
  }

  /** Ends a lease with its keys; one that is gone needs no ending. */
  revoke(id: LeaseId): void {
    const lease = this.#leases.get(id)
    if (lease !== undefined) this.#end(lease)
  }

  /** Ends the leases whose time is up, each with its keys in a revision of its own. */
  handleTick(now: number): void {
    for (const lease of this.#leases.expired(now)) this.#end(lease)
  }

  /** Every change after `from` up to and with `to` under a prefix; `reset` when that past is gone. */
  changes(range: { from: Rev; to: Rev; prefix: string }): readonly WatchEvent[] | 'reset' {
    return this.#history.between(range.from, range.to, range.prefix)
  }

  /** What must become durable before the answers given since the last poll may leave; `null` when nothing must. */
  pollDelta(): ClusterDelta | null {
    if (!this.hasDelta) return null
    const recs = [...this.#dirtyKeys].map((key) => ({ key, rec: this.#recs.get(key) }))
    const leases = [...this.#dirtyLeases].map((id) => ({ id, lease: this.#leases.get(id) }))
    this.#dirtyKeys = new Set()
    this.#dirtyLeases = new Set()
    return {
      rev: this.#rev,
      leaseCount: this.#leaseCount,
      puts: recs.flatMap(({ rec }) => rec ?? []),
      deletes: recs.flatMap(({ key, rec }) => (rec === undefined ? key : [])),
      grants: leases.flatMap(({ lease }) => lease ?? []).map(({ id, ttlMs }) => ({ id, ttlMs })),
      ends: leases.flatMap(({ id, lease }) => (lease === undefined ? id : [])),
    }
  }

  /** All that a machine made later needs to go on from here. */
  snapshot(): ClusterSnapshot {
    return {
      storeId: this.#storeId,
      rev: this.#rev,
      leaseCount: this.#leaseCount,
      recs: this.#recs.startingWith(''),
      leases: [...this.#leases].map(({ id, ttlMs }) => ({ id, ttlMs })),
    }
  }

  /** Forgets the past, not the present: what `changes` tells begins now. */
  dropHistory(): void {
    this.#history.clear(this.#rev)
  }

  #holds(condition: Cmp): boolean {
    const rec = this.#recs.get(condition.key)
    if (condition.is === 'missing') return rec === undefined
    if (condition.is === 'present') return rec !== undefined
    return rec?.rev === condition.rev
  }

  #apply(op: Op, rev: Rev, events: WatchEvent[], reads: Rec[]): void {
    const before = this.#recs.get(op.key)
    if (op.op === 'get') {
      if (before !== undefined) reads.push(before)
      return
    }
    if (op.op === 'delete') {
      if (this.#drop(op.key)) events.push({ kind: 'delete', key: op.key, rev })
      return
    }
    // The value is copied: it may lie in a buffer that its sender uses again. (`slice` of a Node Buffer copies nothing.)
    const rec: Rec = {
      key: op.key,
      value: new Uint8Array(op.value),
      rev,
      ...(op.lease === undefined ? {} : { lease: op.lease }),
    }
    this.#leases.detach(op.key, before?.lease)
    this.#leases.attach(op.key, op.lease)
    this.#recs.set(rec)
    this.#dirtyKeys.add(op.key)
    events.push({ kind: 'put', rec })
  }

  #drop(key: string): boolean {
    this.#leases.detach(key, this.#recs.get(key)?.lease)
    if (!this.#recs.delete(key)) return false
    this.#dirtyKeys.add(key)
    return true
  }

  #end(lease: Lease): void {
    const rev = this.#rev + 1n
    const events: WatchEvent[] = []
    this.#leases.remove(lease.id)
    this.#dirtyLeases.add(lease.id)
    for (const key of lease.keys) {
      if (this.#drop(key)) events.push({ kind: 'delete', key, rev })
    }
    this.#record(rev, events)
  }

  #record(rev: Rev, events: readonly WatchEvent[]): void {
    if (events.length === 0) return
    this.#rev = rev
    this.#history.add(rev, events)
  }

  #leaseOf(id: LeaseId): Lease {
    const lease = this.#leases.get(id)
    if (lease !== undefined) return lease
    const shown = JSON.stringify(id.slice(0, 64))
    throw new EpicError(
      'LeaseLost',
      `Cannot use the lease ${shown}: it expired or was never granted`,
    )
  }
}
