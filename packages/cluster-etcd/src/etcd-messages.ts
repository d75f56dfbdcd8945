/**
 * The messages of etcd's published interface (`rpc.proto`, `kv.proto`) that this provider uses, and the paths of their calls.
 *
 * Requests are made from what the port says; answers are read into it. A decoder says `undefined` to bytes that are no such
 * message.
 */
import type { Cmp, LeaseId, Op, Rev } from '@epicserver/contracts'
import { MessageReader, encodeMessage } from './protobuf.ts'
import type { Field } from './protobuf.ts'

export const RANGE = '/etcdserverpb.KV/Range'
export const TXN = '/etcdserverpb.KV/Txn'
export const COMPACT = '/etcdserverpb.KV/Compact'
export const LEASE_GRANT = '/etcdserverpb.Lease/LeaseGrant'
export const LEASE_REVOKE = '/etcdserverpb.Lease/LeaseRevoke'
export const LEASE_KEEP_ALIVE = '/etcdserverpb.Lease/LeaseKeepAlive'
export const WATCH = '/etcdserverpb.Watch/Watch'
export const AUTHENTICATE = '/etcdserverpb.Auth/Authenticate'
export const STATUS = '/etcdserverpb.Maintenance/Status'

/** A record as etcd has it. */
export interface EtcdRecord {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly rev: Rev
  /** 0 without one. */
  readonly lease: bigint
}

/** What every answer begins with. */
export interface EtcdHeader {
  readonly clusterId: bigint
  readonly memberId: bigint
  readonly rev: Rev
}

/** A change that a watch reports. */
export interface EtcdEvent {
  readonly kind: 'put' | 'delete'
  readonly rec: EtcdRecord
}

export interface EtcdWatchReply {
  readonly header: EtcdHeader
  readonly isCreated: boolean
  readonly isCanceled: boolean
  /** Above 0 when the revisions asked for are compacted away. */
  readonly compactRev: Rev
  readonly cancelReason: string
  readonly events: readonly EtcdEvent[]
}

export interface EtcdStatus {
  readonly header: EtcdHeader
  readonly version: string
  readonly dbBytes: number
  /** 0 while there is none. */
  readonly leaderId: bigint
}

/** Makes the bytes under which a key of the port lies. */
export type KeyEncoder = (key: string) => Uint8Array

const NONE = new Uint8Array(0)
const LEASE_ID = /^[0-9a-f]{1,16}$/
const COMPARE = { equal: 0, greater: 1, less: 2 } as const
const TARGET = { version: 0, create: 1, mod: 2 } as const

/** A lease's id as etcd's own tools print it. */
export function leaseIdFrom(lease: bigint): LeaseId {
  return lease.toString(16)
}

/** etcd's number of a lease, or `undefined` for a text that names none. */
export function leaseFrom(id: LeaseId): bigint | undefined {
  if (!LEASE_ID.test(id)) return undefined
  const lease = BigInt(`0x${id}`)
  return lease > 0n && lease === BigInt.asIntN(64, lease) ? lease : undefined
}

/** All keys that start with these bytes; without any, all keys there are. */
export function encodePrefixRange(prefix: Uint8Array): Uint8Array {
  return encodeMessage(prefixFields(prefix))
}

export function encodeTxn(
  txn: { if: readonly Cmp[]; then: readonly Op[]; else?: readonly Op[] },
  keyOf: KeyEncoder,
): Uint8Array {
  return encodeMessage([
    ...txn.if.map((condition): Field => [1, encodeCompare(condition, keyOf)]),
    ...txn.then.map((op): Field => [2, encodeOp(op, keyOf)]),
    ...(txn.else ?? []).map((op): Field => [3, encodeOp(op, keyOf)]),
  ])
}

export function encodeGet(key: Uint8Array): Uint8Array {
  return encodeMessage([[1, key]])
}

export function encodeCompaction(rev: Rev): Uint8Array {
  return encodeMessage([[1, rev]])
}

export function encodeLeaseGrant(ttlSeconds: number): Uint8Array {
  return encodeMessage([[1, ttlSeconds]])
}

export function encodeLease(lease: bigint): Uint8Array {
  return encodeMessage([[1, lease]])
}

export function encodeWatch(prefix: Uint8Array, from: Rev): Uint8Array {
  return encodeMessage([[1, encodeMessage([...prefixFields(prefix), [3, from]])]])
}

export function encodeAuthenticate(user: string, password: string): Uint8Array {
  return encodeMessage([
    [1, user],
    [2, password],
  ])
}

export function decodeRange(
  bytes: Uint8Array,
): { header: EtcdHeader; recs: EtcdRecord[] } | undefined {
  const reader = new MessageReader(bytes)
  const recs: EtcdRecord[] = []
  let header = NO_HEADER
  while (reader.next()) {
    if (reader.field === 1) header = decodeHeader(reader)
    else if (reader.field === 2) recs.push(decodeRecord(reader))
    else reader.skip()
  }
  return reader.failed ? undefined : { header, recs }
}

/** What a transaction did: the records that its gets found are those of its range answers, in order. */
export function decodeTxn(
  bytes: Uint8Array,
): { header: EtcdHeader; isDone: boolean; recs: EtcdRecord[] } | undefined {
  const reader = new MessageReader(bytes)
  const recs: EtcdRecord[] = []
  let header = NO_HEADER
  let isDone = false
  while (reader.next()) {
    if (reader.field === 1) header = decodeHeader(reader)
    else if (reader.field === 2) isDone = reader.boolean()
    else if (reader.field === 3) recs.push(...decodeOpReply(reader))
    else reader.skip()
  }
  return reader.failed ? undefined : { header, isDone, recs }
}

export function decodeLeaseGrant(
  bytes: Uint8Array,
): { lease: bigint; ttlSeconds: number; error: string } | undefined {
  const reader = new MessageReader(bytes)
  let [lease, ttlSeconds, error] = [0n, 0, '']
  while (reader.next()) {
    if (reader.field === 2) lease = reader.int64()
    else if (reader.field === 3) ttlSeconds = reader.number()
    else if (reader.field === 4) error = reader.text()
    else reader.skip()
  }
  return reader.failed ? undefined : { lease, ttlSeconds, error }
}

/** The time that a renewed lease has; 0 when it is gone. */
export function decodeKeepAlive(bytes: Uint8Array): { ttlSeconds: number } | undefined {
  const reader = new MessageReader(bytes)
  let ttlSeconds = 0
  while (reader.next()) {
    if (reader.field === 3) ttlSeconds = reader.number()
    else reader.skip()
  }
  return reader.failed ? undefined : { ttlSeconds }
}

export function decodeWatch(bytes: Uint8Array): EtcdWatchReply | undefined {
  const reader = new MessageReader(bytes)
  const events: EtcdEvent[] = []
  let header = NO_HEADER
  let [isCreated, isCanceled, compactRev, cancelReason] = [false, false, 0n, '']
  while (reader.next()) {
    if (reader.field === 1) header = decodeHeader(reader)
    else if (reader.field === 3) isCreated = reader.boolean()
    else if (reader.field === 4) isCanceled = reader.boolean()
    else if (reader.field === 5) compactRev = reader.int64()
    else if (reader.field === 6) cancelReason = reader.text()
    else if (reader.field === 11) events.push(decodeEvent(reader))
    else reader.skip()
  }
  if (reader.failed) return undefined
  return { header, isCreated, isCanceled, compactRev, cancelReason, events }
}

export function decodeToken(bytes: Uint8Array): string | undefined {
  const reader = new MessageReader(bytes)
  let token = ''
  while (reader.next()) {
    if (reader.field === 2) token = reader.text()
    else reader.skip()
  }
  return reader.failed ? undefined : token
}

export function decodeStatus(bytes: Uint8Array): EtcdStatus | undefined {
  const reader = new MessageReader(bytes)
  let header = NO_HEADER
  let [version, dbBytes, leaderId] = ['', 0, 0n]
  while (reader.next()) {
    if (reader.field === 1) header = decodeHeader(reader)
    else if (reader.field === 2) version = reader.text()
    else if (reader.field === 3) dbBytes = reader.number()
    else if (reader.field === 4) leaderId = reader.int64()
    else reader.skip()
  }
  return reader.failed ? undefined : { header, version, dbBytes, leaderId }
}

const NO_HEADER: EtcdHeader = { clusterId: 0n, memberId: 0n, rev: 0n }
const NO_RECORD: EtcdRecord = { key: NONE, value: NONE, rev: 0n, lease: 0n }

function encodeCompare(condition: Cmp, keyOf: KeyEncoder): Uint8Array {
  const key = keyOf(condition.key)
  if (condition.is === 'missing') return compare(COMPARE.equal, TARGET.create, key, [5, 0n])
  if (condition.is === 'present') return compare(COMPARE.greater, TARGET.create, key, [5, 0n])
  // To etcd a missing key has revision 0. No record has, nor one beyond 64 bits: no version is below 0, so this never holds.
  const isPossible = condition.rev > 0n && condition.rev === BigInt.asIntN(64, condition.rev)
  if (!isPossible) return compare(COMPARE.less, TARGET.version, key, [4, 0n])
  return compare(COMPARE.equal, TARGET.mod, key, [6, condition.rev])
}

function compare(result: number, target: number, key: Uint8Array, value: Field): Uint8Array {
  return encodeMessage([[1, result], [2, target], [3, key], value])
}

function encodeOp(op: Op, keyOf: KeyEncoder): Uint8Array {
  const key = keyOf(op.key)
  if (op.op === 'get') return encodeMessage([[1, encodeMessage([[1, key]])]])
  if (op.op === 'delete') return encodeMessage([[3, encodeMessage([[1, key]])]])
  const lease = op.lease === undefined ? undefined : leaseFrom(op.lease)
  return encodeMessage([
    [
      2,
      encodeMessage([
        [1, key],
        [2, op.value],
        [3, lease],
      ]),
    ],
  ])
}

function prefixFields(prefix: Uint8Array): Field[] {
  // To etcd a single zero stands for "the first key" and "after the last".
  if (prefix.length === 0)
    return [
      [1, Uint8Array.of(0)],
      [2, Uint8Array.of(0)],
    ]
  return [
    [1, prefix],
    [2, endOf(prefix)],
  ]
}

/** The first key after all that start with `prefix`. */
function endOf(prefix: Uint8Array): Uint8Array {
  for (let last = prefix.length - 1; last >= 0; last -= 1) {
    const byte = prefix[last] ?? 0xff
    if (byte === 0xff) continue
    const end = new Uint8Array(prefix.subarray(0, last + 1))
    end[last] = byte + 1
    return end
  }
  return Uint8Array.of(0)
}

function decodeHeader(outer: MessageReader): EtcdHeader {
  const reader = new MessageReader(outer.bytes())
  let [clusterId, memberId, rev] = [0n, 0n, 0n]
  while (reader.next()) {
    if (reader.field === 1) clusterId = reader.int64()
    else if (reader.field === 2) memberId = reader.int64()
    else if (reader.field === 3) rev = reader.int64()
    else reader.skip()
  }
  outer.failed ||= reader.failed
  return { clusterId, memberId, rev }
}

function decodeRecord(outer: MessageReader): EtcdRecord {
  const reader = new MessageReader(outer.bytes())
  let [key, value, rev, lease] = [NONE, NONE, 0n, 0n]
  while (reader.next()) {
    if (reader.field === 1) key = new Uint8Array(reader.bytes())
    else if (reader.field === 3) rev = reader.int64()
    else if (reader.field === 5) value = new Uint8Array(reader.bytes())
    else if (reader.field === 6) lease = reader.int64()
    else reader.skip()
  }
  outer.failed ||= reader.failed
  return { key, value, rev, lease }
}

/** Of the answers to operations only those of gets say more than that they are done. */
function decodeOpReply(outer: MessageReader): readonly EtcdRecord[] {
  const reader = new MessageReader(outer.bytes())
  const recs: EtcdRecord[] = []
  while (reader.next()) {
    if (reader.field === 1) {
      const range = decodeRange(reader.bytes())
      reader.failed ||= range === undefined
      recs.push(...(range?.recs ?? []))
    } else {
      reader.skip()
    }
  }
  outer.failed ||= reader.failed
  return recs
}

function decodeEvent(outer: MessageReader): EtcdEvent {
  const reader = new MessageReader(outer.bytes())
  let [kind, rec]: ['put' | 'delete', EtcdRecord] = ['put', NO_RECORD]
  while (reader.next()) {
    if (reader.field === 1) kind = reader.number() === 1 ? 'delete' : 'put'
    else if (reader.field === 2) rec = decodeRecord(reader)
    else reader.skip()
  }
  outer.failed ||= reader.failed
  return { kind, rec }
}
