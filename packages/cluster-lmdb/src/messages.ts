/**
 * What a node process and the authority of its machine say to each other.
 *
 * A message is `[id, body]`. The asker chooses the id; an answer has the id of its request, and what a watch reports has that of
 * the watch. Frames hold the messages of one tick, one after the other, each a value of the wire codec.
 *
 * Both sides may be talking to a stranger (someone else's program at the path of the socket), so nothing is taken from a message
 * that was not looked at: these functions build new objects out of what is well formed, and say `undefined` to the rest.
 */
import { isErrorCode } from '@epicserver/contracts'
import type {
  Cmp,
  ErrorCode,
  LeaseId,
  Op,
  Rec,
  Rev,
  Txn,
  TxnResult,
  WatchEvent,
} from '@epicserver/contracts'

/** Raised when an older side could not understand a newer one. */
export const PROTOCOL = 1

/** What a process asks. */
export type Request =
  | { readonly kind: 'hello'; readonly protocol: number }
  | { readonly kind: 'get'; readonly key: string }
  | { readonly kind: 'list'; readonly prefix: string }
  | { readonly kind: 'txn'; readonly txn: Txn }
  | { readonly kind: 'watch'; readonly prefix: string; readonly from: Rev }
  | { readonly kind: 'unwatch'; readonly watch: number }
  | { readonly kind: 'grant'; readonly ttlMs: number }
  | { readonly kind: 'keepAlive'; readonly lease: LeaseId }
  | { readonly kind: 'revoke'; readonly lease: LeaseId }

/** What the authority answers or reports. */
export type Reply =
  | { readonly kind: 'welcome'; readonly protocol: number; readonly storeId: string }
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'events'; readonly events: readonly WatchEvent[] }
  | { readonly kind: 'reset' }

/** A body with the id that it belongs to. */
export interface Addressed<Body> {
  readonly id: number
  readonly body: Body
}

export function parseRequest(message: unknown): Addressed<Request> | undefined {
  return addressed(message, requestFrom)
}

export function parseReply(message: unknown): Addressed<Reply> | undefined {
  return addressed(message, replyFrom)
}

function requestFrom(body: Fields): Request | undefined {
  const { kind, key, prefix, from, watch, ttlMs, lease, protocol } = body
  if (kind === 'hello') return isCount(protocol) ? { kind, protocol } : undefined
  if (kind === 'get') return typeof key === 'string' ? { kind, key } : undefined
  if (kind === 'list') return typeof prefix === 'string' ? { kind, prefix } : undefined
  if (kind === 'watch') {
    return typeof prefix === 'string' && typeof from === 'bigint'
      ? { kind, prefix, from }
      : undefined
  }
  if (kind === 'unwatch') return isCount(watch) ? { kind, watch } : undefined
  if (kind === 'grant') return typeof ttlMs === 'number' ? { kind, ttlMs } : undefined
  if (kind === 'keepAlive' || kind === 'revoke') {
    return typeof lease === 'string' ? { kind, lease } : undefined
  }
  if (kind !== 'txn') return undefined
  const txn = txnFrom(fieldsOf(body['txn']))
  return txn && { kind, txn }
}

function txnFrom(body: Fields | undefined): Txn | undefined {
  const conditions = listFrom(body?.['if'], cmpFrom)
  const then = listFrom(body?.['then'], opFrom)
  if (conditions === undefined || then === undefined) return undefined
  if (body?.['else'] === undefined) return { if: conditions, then }
  const otherwise = listFrom(body['else'], opFrom)
  return otherwise && { if: conditions, then, else: otherwise }
}

function cmpFrom({ key, is, rev }: Fields): Cmp | undefined {
  if (typeof key !== 'string') return undefined
  if (is === 'missing' || is === 'present') return { key, is }
  return is === 'at' && typeof rev === 'bigint' ? { key, is, rev } : undefined
}

function opFrom({ op, key, value, lease }: Fields): Op | undefined {
  if (typeof key !== 'string') return undefined
  if (op === 'get' || op === 'delete') return { op, key }
  if (op !== 'put' || !(value instanceof Uint8Array)) return undefined
  if (lease === undefined) return { op, key, value }
  return typeof lease === 'string' ? { op, key, value, lease } : undefined
}

function replyFrom(body: Fields): Reply | undefined {
  const { kind, protocol, storeId, result, code, message } = body
  if (kind === 'done') return { kind, result }
  if (kind === 'reset') return { kind }
  if (kind === 'failed') {
    return isErrorCode(code) && typeof message === 'string' ? { kind, code, message } : undefined
  }
  if (kind === 'welcome') {
    return isCount(protocol) && typeof storeId === 'string'
      ? { kind, protocol, storeId }
      : undefined
  }
  if (kind !== 'events') return undefined
  const events = listFrom(body['events'], eventFrom)
  return events && { kind, events }
}

function eventFrom({ kind, key, rev, rec }: Fields): WatchEvent | undefined {
  if (kind === 'delete') {
    return typeof key === 'string' && typeof rev === 'bigint' ? { kind, key, rev } : undefined
  }
  const put = kind === 'put' ? recFrom(rec) : undefined
  return put && { kind: 'put', rec: put }
}

/** The results of requests, as each kind of request has them. */
export function recFrom(result: unknown): Rec | undefined {
  const { key, value, rev, lease } = fieldsOf(result) ?? {}
  if (typeof key !== 'string' || typeof rev !== 'bigint') return undefined
  if (!(value instanceof Uint8Array)) return undefined
  if (lease === undefined) return { key, value, rev }
  return typeof lease === 'string' ? { key, value, rev, lease } : undefined
}

export function recOrNullFrom(result: unknown): Rec | null | undefined {
  return result === null ? null : recFrom(result)
}

export function listResultFrom(result: unknown): { recs: readonly Rec[]; rev: Rev } | undefined {
  const fields = fieldsOf(result)
  const recs = listFrom(fields?.['recs'], recFrom)
  const rev = fields?.['rev']
  return recs !== undefined && typeof rev === 'bigint' ? { recs, rev } : undefined
}

export function txnResultFrom(result: unknown): TxnResult | undefined {
  const { ok, rev, reads } = fieldsOf(result) ?? {}
  const recs = listFrom(reads, recFrom)
  if (typeof ok !== 'boolean' || typeof rev !== 'bigint' || recs === undefined) return undefined
  return { ok, rev, reads: recs }
}

export function leaseFrom(result: unknown): { id: LeaseId; ttlMs: number } | undefined {
  const { id, ttlMs } = fieldsOf(result) ?? {}
  return typeof id === 'string' && typeof ttlMs === 'number' ? { id, ttlMs } : undefined
}

export function ttlFrom(result: unknown): { ttlMs: number } | undefined {
  const ttlMs = fieldsOf(result)?.['ttlMs']
  return typeof ttlMs === 'number' ? { ttlMs } : undefined
}

type Fields = Readonly<Record<string, unknown>>

function addressed<Body>(
  message: unknown,
  bodyFrom: (body: Fields) => Body | undefined,
): Addressed<Body> | undefined {
  if (!isPair(message)) return undefined
  const [id, fields] = message
  const body = fieldsOf(fields)
  const parsed = body === undefined ? undefined : bodyFrom(body)
  return parsed !== undefined && isCount(id) ? { id, body: parsed } : undefined
}

/** Plain objects only: the codec makes those with own keys, whatever the sender called them. */
function fieldsOf(value: unknown): Fields | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.getPrototypeOf(value) === Object.prototype ? { ...value } : undefined
}

function listFrom<Item>(
  value: unknown,
  itemFrom: (item: Fields) => Item | undefined,
): Item[] | undefined {
  if (!Array.isArray(value)) return undefined
  const items: Item[] = []
  for (const element of value) {
    const fields = fieldsOf(element)
    const item = fields === undefined ? undefined : itemFrom(fields)
    if (item === undefined) return undefined
    items.push(item)
  }
  return items
}

function isPair(value: unknown): value is readonly [unknown, unknown] {
  return Array.isArray(value) && value.length === 2
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
