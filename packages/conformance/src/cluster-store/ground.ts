/**
 * What each case of the suite stands on: two clients of one engine, keys that no other case uses, and short words for what
 * cases say most.
 */
import assert from 'node:assert/strict'
import type { ClusterStore, Cmp, LeaseId, Rev, TxnResult } from '@epicserver/contracts'
import type { ClusterStoreHarness, FaultyClient } from './harness.ts'
import { WatchRecord } from './watch-record.ts'

/** What a case needs beyond a running engine. */
export class MissingFacility extends Error {}

/** A case: its claim, and what shows it. */
export type ClusterCases = Readonly<Record<string, (ground: Ground) => Promise<void>>>

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The bytes of a text. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text)
}

/** The text of bytes; `null` stays. */
export function textOf(value: Uint8Array | null | undefined): string | null {
  return value === null || value === undefined ? null : decoder.decode(value)
}

/** What {@link Ground.put} may be given. */
export interface PutOptions {
  readonly lease?: LeaseId
  readonly if?: readonly Cmp[]
  readonly by?: ClusterStore
}

export class Ground {
  readonly harness: ClusterStoreHarness
  readonly store: ClusterStore
  /** Another client of the same engine. */
  readonly other: ClusterStore
  /** What the keys of this case, and no others, start with. */
  readonly prefix: string

  constructor(
    harness: ClusterStoreHarness,
    clients: readonly [ClusterStore, ClusterStore],
    prefix: string,
  ) {
    this.harness = harness
    this.store = clients[0]
    this.other = clients[1]
    this.prefix = prefix
  }

  key(name: string): string {
    return this.prefix + name
  }

  /** Puts a text under a key of this case. */
  put(name: string, text: string, options: PutOptions = {}): Promise<TxnResult> {
    const lease = options.lease === undefined ? {} : { lease: options.lease }
    const op = { op: 'put' as const, key: this.key(name), value: bytesOf(text), ...lease }
    return (options.by ?? this.store).txn({ if: options.if ?? [], then: [op] })
  }

  delete(name: string): Promise<TxnResult> {
    return this.store.txn({ if: [], then: [{ op: 'delete', key: this.key(name) }] })
  }

  /** The text under a key of this case, as the other client reads it. */
  async text(name: string): Promise<string | null> {
    return textOf((await this.other.get(this.key(name)))?.value)
  }

  /** The names of all keys of this case, as the other client lists them. */
  async names(below = ''): Promise<string[]> {
    const { recs } = await this.other.list(this.key(below))
    return recs.map((rec) => rec.key.slice(this.prefix.length))
  }

  /** Where the history is now. */
  async rev(): Promise<Rev> {
    return (await this.store.list(this.prefix)).rev
  }

  /** Records what a watch reports of this case's keys. */
  watch(from: Rev, options: { below?: string; by?: ClusterStore } = {}): WatchRecord {
    return new WatchRecord(options.by ?? this.store, this.key(options.below ?? ''), from)
  }

  /** The shortest time for a lease that is meant to expire. */
  get shortTtlMs(): number {
    return Math.max(this.store.limits.ttlMsMin, 250)
  }

  /** A time that no lease of a case outlives by accident. */
  get longTtlMs(): number {
    return Math.max(this.store.limits.ttlMsMin, 60_000)
  }

  /** A lease whose time is over, seen by the end of a key that went with it. */
  async expiredLease(): Promise<LeaseId> {
    const lease = await this.store.grant(this.shortTtlMs)
    const { rev } = await this.put('expires', 'soon', { lease: lease.id })
    const watch = this.watch(rev, { below: 'expires' })
    await this.harness.advance?.(lease.ttlMs)
    await watch.untilDeleted(this.key('expires'))
    watch.close()
    return lease.id
  }

  async restart(): Promise<void> {
    if (this.harness.restart === undefined)
      throw new MissingFacility('keeps nothing over a restart')
    await this.harness.restart()
  }

  async dropHistory(): Promise<void> {
    if (this.harness.dropHistory === undefined)
      throw new MissingFacility('cannot be made to forget')
    await this.harness.dropHistory()
  }

  async connectFaulty(): Promise<FaultyClient> {
    if (this.harness.connectFaulty === undefined) throw new MissingFacility('has no wire to break')
    return this.harness.connectFaulty()
  }
}

/** The code with which a request was refused. */
export async function codeOf(refused: Promise<unknown>): Promise<unknown> {
  try {
    await refused
  } catch (error) {
    assert.ok(error instanceof Error)
    return 'code' in error ? error.code : error
  }
  return 'nothing was refused'
}
