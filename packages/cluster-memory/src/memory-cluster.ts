/**
 * The cluster store in memory, for tests and for the simulator.
 *
 * `MemoryCluster` is the engine; each `connect()` is a client of it, as a node of a cluster would have one. It has no timers: the
 * clock is read at each access, and whoever owns time calls `handleTick`, without which nobody hears of a lease that expires in a
 * quiet moment. Watchers are told in a later turn, through `defer`, which the simulator replaces by its own queue.
 *
 * What it does not do: fail. Loss, delay and outages are the simulator's, which wraps a client.
 */
import type {
  ClusterStore,
  ClusterStoreLimits,
  LeaseId,
  Rec,
  Rev,
  Txn,
  TxnResult,
} from '@epicserver/contracts'
import { ClusterLog, emptySnapshot } from './cluster-log.ts'
import { EngineClient } from './engine-client.ts'
import type { ClusterEngine } from './engine-client.ts'
import { MEMORY_LIMITS } from './limits.ts'
import { WatchHub } from './watch-hub.ts'
import type { Watcher } from './watch-hub.ts'

/** What a {@link MemoryCluster} is made of. */
export interface MemoryClusterOptions {
  /** A clock that never goes back, in milliseconds. */
  readonly now: () => number
  /** Runs something in a later turn; a microtask unless given. */
  readonly defer?: (run: () => void) => void
  /** Part of every lease id; engines of one simulation need different ones. */
  readonly storeId?: string
  readonly limits?: ClusterStoreLimits
  readonly historyBytesMax?: number
}

/**
 * The engine: one truth for all who connect.
 * @example
 * const cluster = new MemoryCluster({ now: () => clock.now })
 * const store = cluster.connect()
 * const { id } = await store.grant(6_000)
 */
export class MemoryCluster implements ClusterEngine {
  readonly limits: ClusterStoreLimits
  readonly #options: MemoryClusterOptions
  readonly #hub = new WatchHub()
  #log: ClusterLog
  #isTelling = false

  constructor(options: MemoryClusterOptions) {
    this.#options = options
    this.limits = options.limits ?? MEMORY_LIMITS
    this.#log = new ClusterLog(emptySnapshot(options.storeId ?? 'memory'), options.now(), options)
  }

  /** A client of this engine. */
  connect(): ClusterStore {
    return new EngineClient(this)
  }

  /** When `handleTick` has something to do at the earliest; `Infinity` without leases. */
  get nextExpiryAt(): number {
    return this.#log.nextExpiryAt
  }

  /** Ends the leases whose time is up. */
  handleTick(now: number): void {
    this.#log.handleTick(now)
    this.#tellWatchers()
  }

  /** Whether a lease was granted and has not ended. */
  hasLease(id: LeaseId): boolean {
    return this.#current().hasLease(id)
  }

  /** Stops the engine and starts it on what it saved: leases begin anew, and the past is gone. */
  restart(): void {
    this.#log = new ClusterLog(this.#log.snapshot(), this.#options.now(), this.#options)
  }

  /** Forgets the past: a watcher that is behind is told `reset`. */
  dropHistory(): void {
    this.#log.dropHistory()
  }

  async get(key: string): Promise<Rec | null> {
    return this.#current().get(key)
  }

  async list(prefix: string): Promise<{ recs: readonly Rec[]; rev: Rev }> {
    return this.#current().list(prefix)
  }

  async txn(txn: Txn): Promise<TxnResult> {
    const result = this.#current().txn(txn)
    this.#tellWatchers()
    return result
  }

  async grant(ttlMs: number): Promise<{ id: LeaseId; ttlMs: number }> {
    return this.#current().grant(ttlMs, this.#options.now())
  }

  async keepAlive(id: LeaseId): Promise<{ ttlMs: number }> {
    return this.#current().keepAlive(id, this.#options.now())
  }

  async revoke(id: LeaseId): Promise<void> {
    this.#current().revoke(id)
    this.#tellWatchers()
  }

  watch(watcher: Watcher): void {
    this.#hub.add(watcher)
    this.#tellWatchers()
  }

  unwatch(watcher: Watcher): void {
    this.#hub.remove(watcher)
  }

  /** The log as it is at this instant: without what has expired by now. */
  #current(): ClusterLog {
    this.handleTick(this.#options.now())
    return this.#log
  }

  /** Every access comes by here, and most change nothing. */
  #tellWatchers(): void {
    if (this.#isTelling || !this.#hub.isBehind(this.#log.rev)) return
    this.#isTelling = true
    const defer = this.#options.defer ?? deferToMicrotask
    defer(() => {
      this.#isTelling = false
      this.#hub.deliver(this.#log, this.#log.rev)
    })
  }
}

function deferToMicrotask(run: () => void): void {
  void Promise.resolve().then(run)
}
