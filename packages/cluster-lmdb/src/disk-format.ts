/**
 * How the cluster's truth lies on disk: keys and bodies.
 *
 * | first byte | rest of the key | body |
 * | --- | --- | --- |
 * | 0 | `owner` | nothing: its LMDB version is the number of the authority that may write |
 * | 0 | `head` | format, store id, revision, leases ever granted |
 * | 1 | a record's key in UTF-8 | key, revision, lease or null, value |
 * | 2 | a lease's id | id, time in milliseconds |
 *
 * Each body stands behind the 128-bit hash of itself, since LMDB keeps no checksums; and it repeats its key, so that a page in the
 * wrong place is noticed too. A record that does not decode stops the authority from opening: a cluster that took a damaged view
 * for a missing one would begin a second history.
 */
import type { ClusterDelta, SavedLease } from '@epicserver/cluster-memory'
import type { Rec } from '@epicserver/contracts'
import { createCodec, hash128 } from '@epicserver/wire'

/** Raised when an older version could not read what this one writes. */
export const FORMAT = 1

const HASH_BYTES = 16
const [META, RECORD, LEASE, END] = [0, 1, 2, 3]

const codec = createCodec({ purpose: 'state' })
const encoder = new TextEncoder()

/** The key whose version says which authority may write. */
export const OWNER_KEY: Uint8Array = keyOf(META, 'owner')
export const HEAD_KEY: Uint8Array = keyOf(META, 'head')
/** Where the records and the leases begin and end. */
export const RECORDS: { start: Uint8Array; end: Uint8Array } = rangeOf(RECORD, LEASE)
export const LEASES: { start: Uint8Array; end: Uint8Array } = rangeOf(LEASE, END)

/** What the head says. */
export type Head = Pick<ClusterDelta, 'rev' | 'leaseCount'> & { readonly storeId: string }

export function recordKey(key: string): Uint8Array {
  return keyOf(RECORD, key)
}

export function leaseKey(id: string): Uint8Array {
  return keyOf(LEASE, id)
}

export function encodeHead(head: Head): Uint8Array {
  return seal([FORMAT, head.storeId, head.rev, head.leaseCount])
}

/** The head; a number when it is of that other format, `undefined` when it is damaged. */
export function decodeHead(bytes: Uint8Array): Head | number | undefined {
  const body = open(bytes)
  const [format, storeId, rev, leaseCount] = body ?? []
  if (typeof format === 'number' && format !== FORMAT) return format
  if (typeof storeId !== 'string' || typeof rev !== 'bigint') return undefined
  return typeof leaseCount === 'number' ? { storeId, rev, leaseCount } : undefined
}

export function encodeRecord(rec: Rec): Uint8Array {
  return seal([rec.key, rec.rev, rec.lease ?? null, rec.value])
}

/** The record that lies under a key, or `undefined` when it is damaged. */
export function decodeRecord(at: Uint8Array, bytes: Uint8Array): Rec | undefined {
  const [key, rev, lease, saved] = open(bytes) ?? []
  if (typeof key !== 'string' || typeof rev !== 'bigint') return undefined
  if (!(saved instanceof Uint8Array) || !isSame(at, recordKey(key))) return undefined
  // LMDB's buffers are its own.
  const value = new Uint8Array(saved)
  if (lease === null) return { key, value, rev }
  return typeof lease === 'string' ? { key, value, rev, lease } : undefined
}

export function encodeLease(lease: SavedLease): Uint8Array {
  return seal([lease.id, lease.ttlMs])
}

/** The lease that lies under a key, or `undefined` when it is damaged. */
export function decodeLease(at: Uint8Array, bytes: Uint8Array): SavedLease | undefined {
  const [id, ttlMs] = open(bytes) ?? []
  if (typeof id !== 'string' || typeof ttlMs !== 'number') return undefined
  return isSame(at, leaseKey(id)) ? { id, ttlMs } : undefined
}

/** A key for people: its first byte and the rest as text. */
export function printKey(key: Uint8Array): string {
  return `${key[0]}:${JSON.stringify(new TextDecoder().decode(key.subarray(1)))}`
}

function seal(body: readonly unknown[]): Uint8Array {
  const bytes = codec.encode(body)
  const sealed = new Uint8Array(HASH_BYTES + bytes.length)
  sealed.set(hashOf(bytes))
  sealed.set(bytes, HASH_BYTES)
  return sealed
}

function open(bytes: Uint8Array): readonly unknown[] | undefined {
  const body = bytes.subarray(HASH_BYTES)
  if (!isSame(bytes.subarray(0, HASH_BYTES), hashOf(body))) return undefined
  const decoded = codec.decode(body)
  return decoded.ok && Array.isArray(decoded.value) ? decoded.value : undefined
}

function hashOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash128(bytes).buffer)
}

function keyOf(kind: number, text: string): Uint8Array {
  const rest = encoder.encode(text)
  const key = new Uint8Array(1 + rest.length)
  key[0] = kind
  key.set(rest, 1)
  return key
}

function rangeOf(from: number, to: number): { start: Uint8Array; end: Uint8Array } {
  return { start: Uint8Array.of(from), end: Uint8Array.of(to) }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
