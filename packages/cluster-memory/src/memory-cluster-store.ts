/**
 * The cluster store in memory, for tests and for the simulator.
 *
 * `MemoryCluster` is the engine; each `connect()` is a client of it, as a node of a cluster would have one. It has no timers: the
 * clock is read at each access, and whoever owns time calls `handleTick`, without which nobody hears of a lease that expires in a
 * quiet moment. Watchers are told in a later turn, through `defer`, which the simulator replaces by its own queue.
 *
 * What it does not do: fail. Loss, delay and outages are the simulator's, which wraps a client.
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
import { ClusterLog, emptySnapshot } from './cluster-log.ts'
import { MEMORY_LIMITS } from './limits.ts'
import { WatchHub } from './watch-hub.ts'
import type { WatchHandler, Watcher } from './watch-hub.ts'

/** What a {@link MemoryCluster} is made of. */
export interface MemoryClusterOptions {
  /** A clock that never goes back, in milliseconds. */
  readonly now: () => number
  /** Runs something in a later turn; a microtask unless given. */
  readonly defer?: (run: () => void) => void
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
export class MemoryCluster {
  readonly #options: MemoryClusterOptions
  readonly #hub = new WatchHub()
  #log: ClusterLog
  #isTelling = false

  constructor(options: MemoryClusterOptions) {
    this.#options = options
    this.#log = new ClusterLog(emptySnapshot(options.storeId ?? 'memory'), options.now(), options)
  }

  connect(): ClusterStore {
    return new MemoryClusterStore(this)
  }

  /** When `handleTick` has something to do at the earliest; `Infinity` without leases. */
  get nextExpiryAt(): number {
    return this.#log.nextExpiryAt
  }

  get limits(): ClusterStoreLimits {
    return this.#options.limits ?? MEMORY_LIMITS
  }

  /** The log as it is at this instant. */
  get log(): ClusterLog {
    this.handleTick(this.now())
    return this.#log
  }

  now(): number {
    return this.#options.now()
  }

  /** Ends the leases whose time is up. */
  handleTick(now: number): void {
    this.#log.handleTick(now)
    this.tellWatchers()
  }

  /** Stops the engine and starts it on what it saved: leases begin anew, and the past is gone. */
  restart(): void {
    this.#log = new ClusterLog(this.#log.snapshot(), this.now(), this.#options)
  }

  /** Forgets the past: a watcher that is behind is told `reset`. */
  dropHistory(): void {
    this.#log.dropHistory()
  }

  watch(watcher: Watcher): void {
    this.#hub.add(watcher)
    this.tellWatchers()
  }

  unwatch(watcher: Watcher): void {
    this.#hub.remove(watcher)
  }

  tellWatchers(): void {
    if (this.#isTelling || this.#hub.size === 0) return
    this.#isTelling = true
    const defer = this.#options.defer ?? deferToMicrotask
    defer(() => {
      this.#isTelling = false
      this.#hub.deliver(this.#log, this.#log.rev)
    })
  }
}

/** A client of a {@link MemoryCluster}. */
class MemoryClusterStore implements ClusterStore {
  readonly #cluster: MemoryCluster
  readonly #watchers = new Set<Watcher>()
  #isClosed = false

  constructor(cluster: MemoryCluster) {
    this.#cluster = cluster
  }

  get limits(): ClusterStoreLimits {
    return this.#cluster.limits
  }

  async get(key: string): Promise<Rec | null> {
    checkClusterKey(key)
    const rec = this.#use('read').get(key)
    return rec === null ? null : copyOf(rec)
  }

  async list(prefix: string): Promise<{ recs: Rec[]; rev: Rev }> {
    checkClusterPrefix(prefix)
    const { recs, rev } = this.#use('list').list(prefix)
    return { recs: recs.map(copyOf), rev }
  }

  async txn(txn: Txn): Promise<TxnResult> {
    checkTxn(txn, this.limits)
    const result = this.#use('run a transaction').txn(txn)
    this.#cluster.tellWatchers()
    return { ...result, reads: (result.reads ?? []).map(copyOf) }
  }

  watch(prefix: string, from: Rev, on: WatchHandler): { close(): void } {
    checkClusterPrefix(prefix)
    this.#use('watch')
    const watcher = {
      prefix,
      rev: from,
      on: (events: readonly WatchEvent[] | 'reset') => on(copiesOf(events)),
    }
    this.#watchers.add(watcher)
    this.#cluster.watch(watcher)
    return { close: () => this.#unwatch(watcher) }
  }

  async grant(ttlMs: number): Promise<{ id: LeaseId; ttlMs: number }> {
    checkLeaseTtl(ttlMs)
    const log = this.#use('grant a lease')
    return log.grant(Math.max(ttlMs, this.limits.ttlMsMin), this.#cluster.now())
  }

  async keepAlive(id: LeaseId): Promise<{ ttlMs: number }> {
    return this.#use('renew a lease').keepAlive(id, this.#cluster.now())
  }

  async revoke(id: LeaseId): Promise<void> {
    this.#use('revoke a lease').revoke(id)
    this.#cluster.tellWatchers()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const watcher of this.#watchers) this.#unwatch(watcher)
  }

  #unwatch(watcher: Watcher): void {
    this.#watchers.delete(watcher)
    this.#cluster.unwatch(watcher)
  }

  #use(what: string): ClusterLog {
    if (this.#isClosed) throw new EpicError('Unavailable', `Cannot ${what}: the store is closed`)
    return this.#cluster.log
  }
}

/** What a reader does to its bytes must not reach the store. */
function copyOf(rec: Rec): Rec {
  return { ...rec, value: rec.value.slice() }
}

function copiesOf(events: readonly WatchEvent[] | 'reset'): readonly WatchEvent[] | 'reset' {
  if (events === 'reset') return events
  return events.map((event) =>
    event.kind === 'put' ? { kind: 'put', rec: copyOf(event.rec) } : event,
  )
}

function deferToMicrotask(run: () => void): void {
  void Promise.resolve().then(run)
}
