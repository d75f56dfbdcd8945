/**
 * One client of an engine in the same process: holds the port's rules, so that engines need not.
 *
 * Requests are checked before the engine sees them, bytes are copied on the way out (what a reader does to them must not reach the
 * store), and a closed client is silent and refuses. The authority of a machine keeps one for each process that is connected.
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
import type { WatchHandler, Watcher } from './watch-hub.ts'

/** What an engine does, for requests that keep the port's rules. */
export interface ClusterEngine {
  readonly limits: ClusterStoreLimits
  get(key: string): Promise<Rec | null>
  list(prefix: string): Promise<{ recs: readonly Rec[]; rev: Rev }>
  txn(txn: Txn): Promise<TxnResult>
  grant(ttlMs: number): Promise<{ id: LeaseId; ttlMs: number }>
  keepAlive(id: LeaseId): Promise<{ ttlMs: number }>
  revoke(id: LeaseId): Promise<void>
  /** From now on the watcher is told, in later turns. */
  watch(watcher: Watcher): void
  unwatch(watcher: Watcher): void
}

export class EngineClient implements ClusterStore {
  readonly #engine: ClusterEngine
  readonly #watchers = new Set<Watcher>()
  #isClosed = false

  constructor(engine: ClusterEngine) {
    this.#engine = engine
  }

  get limits(): ClusterStoreLimits {
    return this.#engine.limits
  }

  async get(key: string): Promise<Rec | null> {
    checkClusterKey(key)
    const rec = await this.#use('read').get(key)
    return rec === null ? null : copyOf(rec)
  }

  async list(prefix: string): Promise<{ recs: Rec[]; rev: Rev }> {
    checkClusterPrefix(prefix)
    const { recs, rev } = await this.#use('list').list(prefix)
    return { recs: recs.map(copyOf), rev }
  }

  async txn(txn: Txn): Promise<TxnResult> {
    checkTxn(txn, this.limits)
    const result = await this.#use('run a transaction').txn(txn)
    return { ...result, reads: (result.reads ?? []).map(copyOf) }
  }

  watch(prefix: string, from: Rev, on: WatchHandler): { close(): void } {
    checkClusterPrefix(prefix)
    const watcher = { prefix, rev: from, on: (events: Told) => this.#tell(watcher, on, events) }
    this.#use('watch').watch(watcher)
    this.#watchers.add(watcher)
    return { close: () => this.#unwatch(watcher) }
  }

  async grant(ttlMs: number): Promise<{ id: LeaseId; ttlMs: number }> {
    checkLeaseTtl(ttlMs)
    return this.#use('grant a lease').grant(Math.max(ttlMs, this.limits.ttlMsMin))
  }

  async keepAlive(id: LeaseId): Promise<{ ttlMs: number }> {
    return this.#use('renew a lease').keepAlive(id)
  }

  async revoke(id: LeaseId): Promise<void> {
    return this.#use('revoke a lease').revoke(id)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const watcher of this.#watchers) this.#unwatch(watcher)
  }

  #tell(watcher: Watcher, on: WatchHandler, events: Told): void {
    if (events === 'reset') {
      this.#watchers.delete(watcher)
      on(events)
    } else {
      on(events.map(copyOfEvent))
    }
  }

  #unwatch(watcher: Watcher): void {
    this.#watchers.delete(watcher)
    this.#engine.unwatch(watcher)
  }

  #use(what: string): ClusterEngine {
    if (this.#isClosed) throw new EpicError('Unavailable', `Cannot ${what}: the store is closed`)
    return this.#engine
  }
}

type Told = readonly WatchEvent[] | 'reset'

function copyOf(rec: Rec): Rec {
  return { ...rec, value: new Uint8Array(rec.value) }
}

function copyOfEvent(event: WatchEvent): WatchEvent {
  return event.kind === 'put' ? { kind: 'put', rec: copyOf(event.rec) } : event
}
