/**
 * A cluster store inside the simulation: linearizable, with leases on a clock of its own rate, a history for watches, and outages.
 *
 * It knows nothing of nodes and networks; `links.ts` carries requests to it. It asserts what only it can see: I5 and I7.
 */
import type { LeaseId, Op, Rec, Rev, Txn, WatchEvent } from '@epicserver/contracts'
import type { StoreEffect, StoreReply } from '@epicserver/fabric'
import { decodeView } from '@epicserver/fabric'
import type { Checker } from './checker.ts'

interface LeaseState {
  readonly ttlMs: number
  expiresAt: number
  /** True time of its end; `Infinity` while it lives. */
  endedAt: number
}

/** What a simulated engine depends on. */
export interface EngineOptions {
  /** How fast its clock runs against true time. */
  readonly rate: number
  /** True time. */
  readonly now: () => number
  readonly viewKey: string
  readonly checker: Checker
  readonly onChange: () => void
  /** The mutation I7 forbids: a request under an expired lease brings it back. */
  readonly doLeasesRevive: boolean
}

/** The cluster's truth. */
export class SimEngine {
  readonly #options: EngineOptions
  readonly #records = new Map<string, Rec>()
  readonly #leases = new Map<LeaseId, LeaseState>()
  readonly #living = new Set<LeaseId>()
  readonly #history: { readonly rev: Rev; readonly events: WatchEvent[] }[] = []
  #rev: Rev = 0n
  #isUp = true

  constructor(options: EngineOptions) {
    this.#options = options
  }

  get isUp(): boolean {
    return this.#isUp
  }

  isAlive(id: LeaseId): boolean {
    return this.#leases.get(id)?.endedAt === Infinity
  }

  /** Goes away: nothing is answered, and no lease ends until it is back. */
  goDown(): void {
    this.#isUp = false
  }

  /** Comes back; as etcd's new leaders do, it may give all leases their whole time again. */
  comeBack(extendsLeases: boolean): void {
    this.#isUp = true
    if (!extendsLeases) return
    for (const lease of this.#leases.values()) {
      if (lease.endedAt === Infinity) lease.expiresAt = this.#clock + lease.ttlMs
    }
  }

  /** Ends the leases whose time is over. */
  handleTick(): void {
    if (!this.#isUp) return
    for (const id of this.#living) {
      const lease = this.#leases.get(id)
      if (lease !== undefined && this.#clock >= lease.expiresAt) this.#end(id, lease)
    }
  }

  /** Ends a lease by order: its holder is certainly dead, or gave it back. */
  revoke(id: LeaseId): void {
    const lease = this.#leases.get(id)
    if (lease !== undefined && lease.endedAt === Infinity) this.#end(id, lease)
  }

  /** Handles one request of a process that had read a list made at `listedAt`; requests may come late and twice. */
  handle(effect: StoreEffect, listedAt: number): StoreReply {
    const { token } = effect
    switch (effect.kind) {
      case 'grant':
        return { kind: 'granted', token, id: this.#grant(effect.ttlMs), ttlMs: effect.ttlMs }
      case 'keepAlive': {
        const ttlMs = this.#keepAlive(effect.lease)
        return ttlMs === undefined
          ? { kind: 'failed', token, code: 'LeaseLost' }
          : { kind: 'renewed', token, ttlMs }
      }
      case 'revoke':
        this.revoke(effect.lease)
        return { kind: 'revoked', token }
      case 'list':
        return { kind: 'listed', token, recs: this.#list(effect.prefix), rev: this.#rev }
      case 'txn':
        return this.#txn(effect.txn, token, listedAt)
      case 'watch':
      case 'unwatch':
        throw new Error('Watches are the links’ matter')
    }
  }

  /** All changes after a revision. */
  since(rev: Rev): { readonly rev: Rev; readonly events: readonly WatchEvent[] } {
    const newer = this.#history.slice(Number(rev))
    return { rev: this.#rev, events: newer.flatMap((entry) => entry.events) }
  }

  get #clock(): number {
    return this.#options.now() * this.#options.rate
  }

  #grant(ttlMs: number): LeaseId {
    const id = `n${this.#leases.size + 1}`
    this.#leases.set(id, { ttlMs, expiresAt: this.#clock + ttlMs, endedAt: Infinity })
    this.#living.add(id)
    return id
  }

  #keepAlive(id: LeaseId): number | undefined {
    const lease = this.#leases.get(id)
    if (lease === undefined || !this.#mayUse(id, lease)) return undefined
    lease.expiresAt = this.#clock + lease.ttlMs
    return lease.ttlMs
  }

  #mayUse(id: LeaseId, lease: LeaseState): boolean {
    if (lease.endedAt !== Infinity && this.#options.doLeasesRevive) {
      lease.endedAt = Infinity
      this.#living.add(id)
    }
    const isUsed = lease.endedAt === Infinity
    if (isUsed) this.#options.checker.handleLeaseUsed(id)
    return isUsed
  }

  #list(prefix: string): Rec[] {
    const recs = [...this.#records.values()].filter((rec) => rec.key.startsWith(prefix))
    return recs.toSorted((a, b) => (a.key < b.key ? -1 : 1))
  }

  #txn(txn: Txn, token: number, listedAt: number): StoreReply {
    const holds = txn.if.every((cmp) => {
      const rec = this.#records.get(cmp.key)
      if (cmp.is === 'missing') return rec === undefined
      return cmp.is === 'present' ? rec !== undefined : rec?.rev === cmp.rev
    })
    if (!holds) return { kind: 'committed', token, ok: false, rev: this.#rev }
    for (const op of txn.then) {
      if (op.op !== 'put' || op.lease === undefined) continue
      const lease = this.#leases.get(op.lease)
      if (lease === undefined || !this.#mayUse(op.lease, lease)) {
        return { kind: 'failed', token, code: 'LeaseLost' }
      }
    }
    this.#commit(txn.then, listedAt)
    return { kind: 'committed', token, ok: true, rev: this.#rev }
  }

  #commit(ops: readonly Op[], listedAt: number): void {
    this.#rev += 1n
    const events: WatchEvent[] = []
    for (const op of ops) {
      if (op.op === 'get') continue
      if (op.op === 'delete') {
        this.#records.delete(op.key)
        events.push({ kind: 'delete', key: op.key, rev: this.#rev })
        continue
      }
      const rec: Rec = { ...op, rev: this.#rev }
      this.#records.set(op.key, rec)
      events.push({ kind: 'put', rec })
      if (op.key === this.#options.viewKey) this.#checkView(op.value, listedAt)
    }
    this.#history.push({ rev: this.#rev, events })
    this.#options.onChange()
  }

  #checkView(bytes: Uint8Array, listedAt: number): void {
    const decoded = decodeView(bytes)
    if (!decoded.ok) throw new Error(decoded.problem)
    this.#options.checker.handleViewCommitted(decoded.view, (nodeId) => {
      const lease = this.#leases.get(nodeId)
      return lease !== undefined && lease.endedAt >= listedAt
    })
  }

  #end(id: LeaseId, lease: LeaseState): void {
    lease.endedAt = this.#options.now()
    this.#living.delete(id)
    this.#options.checker.handleLeaseEnded(id)
    const keys = [...this.#records.values()].filter((rec) => rec.lease === id)
    if (keys.length > 0)
      this.#commit(
        keys.map(({ key }) => ({ op: 'delete', key })),
        -Infinity,
      )
  }
}
