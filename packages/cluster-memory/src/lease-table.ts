/**
 * Leases: who is alive, by a monotonic clock that the caller reads.
 *
 * A lease is either here or gone; what is gone is never put back, and no id is given twice, because ids come from a counter that
 * is saved with the store. So nothing that arrives late can revive one (rule I7 of the protocol). A lease expires when its full
 * time has passed since the last renewal, not before: whoever loads a saved table starts all of them anew.
 */
import type { LeaseId } from '@epicserver/contracts'

/** A lease as it is saved: how long it lasts, but not since when, which no other clock could tell. */
export interface SavedLease {
  readonly id: LeaseId
  readonly ttlMs: number
}

/** A living lease with the keys that go with it. */
export interface Lease extends SavedLease {
  readonly keys: Set<string>
  expiresAt: number
}

export class LeaseTable {
  readonly #leases = new Map<LeaseId, Lease>()
  /** No lease expires before this: renewals only move expiry away, so it is refreshed when it is reached. */
  #quietUntil = Number.POSITIVE_INFINITY

  add(saved: SavedLease, now: number): Lease {
    const lease = { ...saved, keys: new Set<string>(), expiresAt: now + saved.ttlMs }
    this.#leases.set(saved.id, lease)
    this.#quietUntil = Math.min(this.#quietUntil, lease.expiresAt)
    return lease
  }

  get(id: LeaseId): Lease | undefined {
    return this.#leases.get(id)
  }

  renew(lease: Lease, now: number): void {
    lease.expiresAt = now + lease.ttlMs
  }

  remove(id: LeaseId): Lease | undefined {
    const lease = this.#leases.get(id)
    this.#leases.delete(id)
    return lease
  }

  attach(key: string, id: LeaseId | undefined): void {
    if (id !== undefined) this.#leases.get(id)?.keys.add(key)
  }

  detach(key: string, id: LeaseId | undefined): void {
    if (id !== undefined) this.#leases.get(id)?.keys.delete(key)
  }

  /** Those whose time is up, the longest overdue first. They are still in the table. */
  expired(now: number): Lease[] {
    if (now < this.#quietUntil) return []
    const over: Lease[] = []
    let next = Number.POSITIVE_INFINITY
    for (const lease of this.#leases.values()) {
      if (lease.expiresAt <= now) over.push(lease)
      else next = Math.min(next, lease.expiresAt)
    }
    this.#quietUntil = next
    return over.sort((a, b) => a.expiresAt - b.expiresAt)
  }

  /** When to ask again; `Infinity` when there are no leases. May be early after renewals. */
  get nextExpiryAt(): number {
    return this.#quietUntil
  }

  *[Symbol.iterator](): IterableIterator<Lease> {
    yield* this.#leases.values()
  }
}
