/**
 * Walks over the saved entities of a type.
 *
 * A walk in the order of an index is one range. A walk in the order of ids merges one range for each partition, since records are
 * ordered by partition first. Both are lazy: only what a page takes is read. A row's place is what is compared when walks of several
 * shards are merged, and what a walk goes on from.
 */
import { partitionOf } from '@epicserver/contracts'
import type { EntityId, Scan, ScanRow } from '@epicserver/contracts'
import { entityKey, entityOfKey, prefixEnd, typePrefix } from './entity-key.ts'
import type { Environment } from './environment.ts'
import { decodeIndexEntry, indexBound, INDEX_PREFIX_BYTES } from './index-key.ts'
import { mergeInOrder } from './merge.ts'
import { isDamage } from './quarantine.ts'
import type { FoundRecord } from './record-table.ts'
import type { WalkedRow } from './found-records.ts'
import type { Shard } from './shard.ts'

/** Everything between two keys. */
interface KeyRange {
  readonly low: Buffer
  readonly high: Buffer
  readonly isReverse: boolean
}

/** A row that may be on the walk, before its record is read. */
interface Candidate {
  readonly place: Buffer
  readonly entity: EntityId
  readonly key: Buffer
}

const NO_KEY = Buffer.alloc(0)

/** The rows of a walk in its order, from `after` on, without end. */
export function* walk(shard: Shard, scan: Scan): Generator<WalkedRow> {
  const candidates =
    scan.index === undefined ? walkIds(shard, scan) : walkIndex(shard, scan, scan.index)
  for (const candidate of candidates) {
    const row = readRow(shard, candidate, scan.index)
    if (row !== undefined) yield { place: candidate.place, row }
  }
}

/** In which order rows of a walk stand. */
export function comparePlaces(scan: Scan): (a: Buffer, b: Buffer) => number {
  return scan.reverse === true ? (a, b) => Buffer.compare(b, a) : (a, b) => Buffer.compare(a, b)
}

function* walkIndex(shard: Shard, scan: Scan, index: string): Generator<Candidate> {
  const prefix = shard.catalog.prefixOf(scan.type, index)
  const range = rangeOf(prefix, scan, (bound) => indexBound(prefix, bound))
  for (const entryKey of keysIn(shard.environment.tables.entries, range)) {
    const entry = decodeIndexEntry(entryKey)
    if (entry === undefined) continue
    const entity = { type: scan.type, id: entry.id }
    if (scan.partitions?.has(partitionOf(entity.type, entity.id)) === false) continue
    yield { place: entryKey.subarray(INDEX_PREFIX_BYTES), entity, key: entry.key }
  }
}

function walkIds({ environment, records }: Shard, scan: Scan): Iterable<Candidate> {
  const partitions = [...records.partitions].filter((p) => scan.partitions?.has(p) ?? true)
  const inPartitions = partitions.map((partition) => {
    const prefix = typePrefix(partition, scan.type)
    const range = rangeOf(prefix, scan, (bound) => Buffer.concat([prefix, bound]))
    return candidatesIn(keysIn(environment.tables.records, range), prefix.length)
  })
  const compare = comparePlaces(scan)
  return mergeInOrder(inPartitions, (a, b) => compare(a.place, b.place))
}

function* candidatesIn(keys: Iterable<Buffer>, prefixBytes: number): Generator<Candidate> {
  for (const key of keys) {
    yield { place: key.subarray(prefixBytes), entity: entityOfKey(key), key: NO_KEY }
  }
}

/** The keys with a prefix that are within the bounds of a walk, and beyond the page before. */
function rangeOf(prefix: Buffer, scan: Scan, boundOf: (bound: Uint8Array) => Buffer): KeyRange {
  const { from, to, after, reverse: isReverse = false } = scan
  const low = from === undefined ? prefix : boundOf(from)
  const high = to === undefined ? prefixEnd(prefix) : boundOf(to)
  if (after === undefined) return { low, high, isReverse }
  const last = Buffer.concat([prefix, after])
  if (isReverse) return { low, high: lower(high, last), isReverse }
  // The next key that there can be is the last one met with a zero byte behind it.
  const next = Buffer.concat([last, Buffer.of(0)])
  return { low: lower(low, next) === low ? next : low, high, isReverse }
}

function keysIn(table: Environment['tables']['records'], range: KeyRange): Iterable<Buffer> {
  const { low, high, isReverse } = range
  if (Buffer.compare(low, high) >= 0) return []
  if (!isReverse) return table.getKeys({ start: low, end: high })
  const backward = {
    start: high,
    end: low,
    reverse: true,
    exclusiveStart: true,
    inclusiveEnd: true,
  }
  return table.getKeys(backward)
}

function lower(a: Buffer, b: Buffer): Buffer {
  return Buffer.compare(a, b) <= 0 ? a : b
}

function readRow(
  shard: Shard,
  candidate: Candidate,
  index: string | undefined,
): ScanRow | undefined {
  const { entity, key } = candidate
  const recordKey = entityKey(entity)
  try {
    const found = shard.records.find(recordKey)
    if (found === undefined || !isMet(shard, found, { ...candidate, index })) return undefined
    const bytes = shard.records.stateOf(recordKey, found)
    if (bytes === null) return undefined
    const { epoch, version } = found.head
    return { entity, epoch, version, bytes, key }
  } catch (error) {
    // It is set aside and told of; the walk goes on without it.
    if (!isDamage(error)) throw error
    return undefined
  }
}

/** Whether the record says itself that it stands at this place: an entry that was left over does not count. */
function isMet(
  { catalog }: Shard,
  { head }: FoundRecord,
  { entity, key, index }: Candidate & { readonly index: string | undefined },
): boolean {
  if (head.stateAt === 'nowhere') return false
  if (index === undefined) return true
  return head.indexes.some(
    (entry) =>
      entry.index === index &&
      Buffer.compare(entry.key, key) === 0 &&
      catalog.isCurrent(entity.type, entry),
  )
}
