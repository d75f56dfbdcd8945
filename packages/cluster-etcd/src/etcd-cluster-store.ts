/**
 * The cluster store on etcd, by a thin client of its own.
 *
 * etcd does the work: its transactions, leases and watches are what the port describes. This maps the one on the other. All keys
 * lie under a prefix, so that clusters that share an etcd do not meet; a lease's id is etcd's own, in hexadecimal as its tools
 * print it, and never used twice. A new leader gives every lease its whole time again, so a lease may last longer than granted,
 * never shorter.
 *
 * Not done here: setting etcd up. Let it compact by itself (`--auto-compaction-retention=1h`), or its history grows without end.
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
import { EtcdConnection } from './etcd-connection.ts'
import type { EtcdRequest } from './etcd-connection.ts'
import {
  LEASE_GRANT,
  LEASE_KEEP_ALIVE,
  LEASE_REVOKE,
  RANGE,
  STATUS,
  TXN,
  decodeKeepAlive,
  decodeLeaseGrant,
  decodeRange,
  decodeStatus,
  decodeTxn,
  encodeGet,
  encodeLease,
  encodeLeaseGrant,
  encodePrefixRange,
  encodeTxn,
  leaseFrom,
  leaseIdFrom,
} from './etcd-messages.ts'
import type { EtcdEvent, EtcdHeader, EtcdRecord, EtcdStatus } from './etcd-messages.ts'
import { EtcdWatch } from './etcd-watch.ts'
import { ATTEMPT_MS_MAX, ETCD_LIMITS, REQUEST_MS_MAX } from './limits.ts'
import { checkEndpoints } from './tls-options.ts'
import type { TlsOptions } from './tls-options.ts'

/** What an {@link EtcdClusterStore} is made of. */
export interface EtcdClusterStoreOptions {
  /** `https://host:port` of each server, or `http://` on this machine. */
  readonly endpoints: readonly string[]
  /** What all keys begin with: one for each cluster that shares the servers. */
  readonly prefix: string
  readonly tls?: TlsOptions
  readonly auth?: { readonly user: string; readonly password: string }
  /** How long a request may take, over however many servers. */
  readonly requestMs?: number
  /** How long one server may take before the next is asked; longer where servers are known to be slow. */
  readonly attemptMs?: number
  /** Lets `http://` lead to other machines; only on a network that nobody else can listen to. */
  readonly allowPlainText?: boolean
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * A client of an etcd cluster.
 * @example
 * const store = new EtcdClusterStore({ endpoints: ['http://127.0.0.1:2379'], prefix: 'epic/shop/' })
 * const lease = await store.grant(6_000)
 */
export class EtcdClusterStore implements ClusterStore {
  readonly limits: ClusterStoreLimits = ETCD_LIMITS
  readonly #connection: EtcdConnection
  readonly #prefix: string
  readonly #watches = new Set<EtcdWatch>()
  #clusterId: bigint | undefined
  #isClosed = false

  /** @throws EpicError `SettingsInvalid` */
  constructor(options: EtcdClusterStoreOptions) {
    checkEndpoints(options.endpoints, options.allowPlainText === true)
    checkClusterPrefix(options.prefix)
    this.#prefix = options.prefix
    this.#connection = new EtcdConnection({
      endpoints: options.endpoints,
      tls: options.tls,
      auth: options.auth,
      requestMs: options.requestMs ?? REQUEST_MS_MAX,
      attemptMs: options.attemptMs ?? ATTEMPT_MS_MAX,
    })
  }

  async get(key: string): Promise<Rec | null> {
    checkClusterKey(key)
    const message = encodeGet(this.#encodeKey(key))
    const { recs } = await this.#ask(
      { attempt: `read ${show(key)}`, kind: 'read', path: RANGE, message },
      decodeRange,
    )
    return recs[0] === undefined ? null : this.#recFrom(recs[0])
  }

  async list(prefix: string): Promise<{ recs: Rec[]; rev: Rev }> {
    checkClusterPrefix(prefix)
    const message = encodePrefixRange(this.#encodeKey(prefix))
    const { header, recs } = await this.#ask(
      { attempt: `list ${show(prefix)}`, kind: 'read', path: RANGE, message },
      decodeRange,
    )
    return { recs: recs.map((rec) => this.#recFrom(rec)), rev: header.rev }
  }

  async txn(txn: Txn): Promise<TxnResult> {
    checkTxn(txn, this.limits)
    for (const op of [...txn.then, ...(txn.else ?? [])]) {
      if (op.op === 'put' && op.lease !== undefined) numberOf(op.lease)
    }
    const message = encodeTxn(txn, (key) => this.#encodeKey(key))
    const { header, isDone, recs } = await this.#ask(
      {
        attempt: 'run a transaction',
        kind: isReading(txn) ? 'read' : 'change',
        path: TXN,
        message,
      },
      decodeTxn,
    )
    return { ok: isDone, rev: header.rev, reads: recs.map((rec) => this.#recFrom(rec)) }
  }

  watch(
    prefix: string,
    from: Rev,
    on: (events: readonly WatchEvent[] | 'reset') => void,
  ): { close(): void } {
    checkClusterPrefix(prefix)
    if (this.#isClosed) throw new EpicError('Unavailable', 'Cannot watch: the store is closed')
    const watch: EtcdWatch = new EtcdWatch({
      connection: this.#connection,
      prefix: this.#encodeKey(prefix),
      from,
      onEvents: (events) => on(events.map((event) => this.#eventFrom(event))),
      onReset: () => {
        this.#watches.delete(watch)
        on('reset')
      },
      isSameCluster: (header) => this.#isSameCluster(header),
    })
    this.#watches.add(watch)
    return {
      close: () => {
        this.#watches.delete(watch)
        watch.close()
      },
    }
  }

  async grant(ttlMs: number): Promise<{ id: LeaseId; ttlMs: number }> {
    checkLeaseTtl(ttlMs)
    const message = encodeLeaseGrant(Math.ceil(Math.max(ttlMs, this.limits.ttlMsMin) / 1_000))
    const granted = await this.#ask(
      { attempt: 'grant a lease', kind: 'change', path: LEASE_GRANT, message },
      decodeLeaseGrant,
    )
    if (granted.error === '')
      return { id: leaseIdFrom(granted.lease), ttlMs: granted.ttlSeconds * 1_000 }
    throw new EpicError('Unavailable', `Cannot grant a lease: ${granted.error}`)
  }

  async keepAlive(id: LeaseId): Promise<{ ttlMs: number }> {
    const message = encodeLease(numberOf(id))
    const { ttlSeconds } = await this.#ask(
      { attempt: `renew the lease ${id}`, kind: 'repeatable', path: LEASE_KEEP_ALIVE, message },
      decodeKeepAlive,
    )
    if (ttlSeconds > 0) return { ttlMs: ttlSeconds * 1_000 }
    throw lostError(id)
  }

  async revoke(id: LeaseId): Promise<void> {
    const lease = leaseFrom(id)
    if (lease === undefined) return
    try {
      await this.#connection.ask({
        attempt: `revoke the lease ${id}`,
        kind: 'repeatable',
        path: LEASE_REVOKE,
        message: encodeLease(lease),
      })
    } catch (error) {
      // Gone already, which is what was asked for.
      if (!(error instanceof EpicError && error.code === 'LeaseLost')) throw error
    }
  }

  /** What the server at the other end says of itself. */
  status(): Promise<EtcdStatus> {
    const message = new Uint8Array(0)
    return this.#ask(
      { attempt: 'ask for the status', kind: 'read', path: STATUS, message },
      decodeStatus,
    )
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const watch of this.#watches) watch.close()
    this.#watches.clear()
    this.#connection.close()
  }

  async #ask<Answer>(
    request: EtcdRequest,
    decode: (bytes: Uint8Array) => Answer | undefined,
  ): Promise<Answer> {
    const answer = decode(await this.#connection.ask(request))
    if (answer !== undefined) return answer
    throw new EpicError('ProtocolBroken', `Cannot ${request.attempt}: etcd's answer cannot be`)
  }

  #isSameCluster({ clusterId }: EtcdHeader): boolean {
    this.#clusterId ??= clusterId
    return this.#clusterId === clusterId
  }

  #encodeKey(key: string): Uint8Array {
    return encoder.encode(this.#prefix + key)
  }

  #decodeKey(key: Uint8Array): string {
    return decoder.decode(key).slice(this.#prefix.length)
  }

  #recFrom({ key, value, rev, lease }: EtcdRecord): Rec {
    const rec = { key: this.#decodeKey(key), value, rev }
    return lease === 0n ? rec : { ...rec, lease: leaseIdFrom(lease) }
  }

  #eventFrom({ kind, rec }: EtcdEvent): WatchEvent {
    if (kind === 'delete') return { kind, key: this.#decodeKey(rec.key), rev: rec.rev }
    return { kind, rec: this.#recFrom(rec) }
  }
}

/** Whether it changes nothing, whichever list is done. */
function isReading(txn: Txn): boolean {
  return [...txn.then, ...(txn.else ?? [])].every((op) => op.op === 'get')
}

/** @throws EpicError `LeaseLost` */
function numberOf(id: LeaseId): bigint {
  const lease = leaseFrom(id)
  if (lease === undefined) throw lostError(id)
  return lease
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
