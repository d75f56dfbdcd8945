/**
 * The port behind which the cluster's truth lives: views, leases, mastership. Small, linearizable and durable.
 *
 * A transaction compares, then applies all of one list or all of the other. `ok: false` means "read again", never "someone else
 * won": a provider that lost the answer may have applied it. A lease's id is chosen by the store and, once expired, never works
 * again, whatever arrives late. A watch delivers every change in order, or says `reset` and the reader lists again.
 *
 * Errors: `Unavailable` (certainly not applied), `Unknown` (may be applied: read first), `LeaseLost` (for ever). What breaks the
 * rules of `cluster-request.ts` or a provider's limits is refused before anything is done: `InvalidId`, `MessageTooLarge`,
 * `SettingsInvalid`.
 *
 * Keys are compared and ordered as their UTF-8 bytes, which is the order of code points (not that of JavaScript's `<`).
 */

/** A point in the store's history; grows with each change. */
export type Rev = bigint

/** The id of a lease; chosen by the store, never used twice. */
export type LeaseId = string

/** A key with its value. `rev` is that of its last change. */
export interface Rec {
  readonly key: string
  readonly value: Uint8Array
  readonly rev: Rev
  readonly lease?: LeaseId
}

/** What a transaction requires. */
export type Cmp =
  | { readonly key: string; readonly is: 'missing' }
  | { readonly key: string; readonly is: 'present' }
  /** Unchanged since this revision. */
  | { readonly key: string; readonly is: 'at'; readonly rev: Rev }

/**
 * What a transaction does, in this order; a `get` sees what stands before it. A key put under a lease goes with it; put again
 * without one, it stays. To put under a lease that is gone is `LeaseLost`, and nothing of the transaction is done.
 */
export type Op =
  | {
      readonly op: 'put'
      readonly key: string
      readonly value: Uint8Array
      readonly lease?: LeaseId
    }
  | { readonly op: 'delete'; readonly key: string }
  | { readonly op: 'get'; readonly key: string }

/** Compare, then do the one or the other. Each list writes a key at most once. */
export interface Txn {
  readonly if: readonly Cmp[]
  readonly then: readonly Op[]
  readonly else?: readonly Op[]
}

/**
 * What came of a transaction; `reads` are the records that its `get`s found, in their order. `rev` is that of the changes it
 * made, or of the store when it made none.
 */
export interface TxnResult {
  readonly ok: boolean
  readonly rev: Rev
  readonly reads?: readonly Rec[]
}

/** A change that a watch reports. */
export type WatchEvent =
  | { readonly kind: 'put'; readonly rec: Rec }
  | { readonly kind: 'delete'; readonly key: string; readonly rev: Rev }

/** What a provider can take, and how long it may be away. */
export interface ClusterStoreLimits {
  readonly valueBytesMax: number
  readonly txnOpsMax: number
  /** The longest outage of the engine's own fail-over; lease times must exceed twice this. */
  readonly worstFailoverMs: number
  readonly ttlMsMin: number
}

/** Where the cluster's truth lives. One conformance suite runs against every provider. */
export interface ClusterStore {
  /** Linearizable. */
  get(key: string): Promise<Rec | null>
  /** Linearizable; in the order of keys. */
  list(prefix: string): Promise<{ readonly recs: readonly Rec[]; readonly rev: Rev }>
  txn(txn: Txn): Promise<TxnResult>
  /**
   * Reports each change after `from`, in order, and never half of a revision. Or, when that history is gone, `reset`, which is
   * the last thing a watch says: list, then watch from there. It speaks neither before `watch` returned nor after `close`.
   */
  watch(
    prefix: string,
    from: Rev,
    on: (events: readonly WatchEvent[] | 'reset') => void,
  ): { close(): void }
  /** The lease lasts at least `ttlMs`; a provider may round up and says to what. */
  grant(ttlMs: number): Promise<{ readonly id: LeaseId; readonly ttlMs: number }>
  /**
   * From now on the lease lasts at least `ttlMs` again.
   * @throws EpicError `LeaseLost`, for ever, once it expired or was revoked.
   */
  keepAlive(id: LeaseId): Promise<{ readonly ttlMs: number }>
  /** Ends a lease and deletes its keys. Ending one that is gone is no error. */
  revoke(id: LeaseId): Promise<void>
  /** Ends the watches and the connection; what is asked afterwards is `Unavailable`. Leases go on. */
  close(): Promise<void>
  readonly limits: ClusterStoreLimits
}
