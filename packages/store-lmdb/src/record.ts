/**
 * An entity's record as it lies on disk. All numbers are big-endian.
 *
 *     0  4  checksum of the record's key and of all that follows
 *     4  1  layout: 1
 *     5  1  flags: 1 has a state · 2 the state lies elsewhere · 4 has tasks
 *     6  2  number of index entries
 *     8  8  epoch
 *    16  8  version
 *    24     index entries, each: 2 length of the name · 2 length of the key · 6 generation of the index · name · key
 *           a state that lies elsewhere: 4 length · 4 checksum; any other: its bytes, to the end
 *
 * A removed entity keeps a record without state, for its epoch and version. The key is part of the checksum, so that a record
 * that strayed to another key is noticed, too.
 */
import type { IndexEntry } from '@epicserver/contracts'
import { checksum } from './checksum.ts'
import { INLINE_STATE_BYTES_MAX } from './limits.ts'

/** An index entry that is on disk; its generation tells under which prefix. */
export interface StoredEntry extends IndexEntry {
  readonly generation: number
}

/** What a record says besides the state: all that a writer must know. */
export interface RecordHead {
  readonly epoch: bigint
  readonly version: bigint
  readonly hasTasks: boolean
  readonly indexes: readonly StoredEntry[]
  readonly stateAt: 'nowhere' | 'inside' | 'elsewhere'
}

/** A state that lies elsewhere: what it must be like. */
export interface StateSeal {
  readonly length: number
  readonly checksum: number
}

/** The state as it lies in a record: its bytes, or the seal of one that lies elsewhere. */
export type StatePart = Uint8Array | StateSeal | null

/** A record that was read, or why it cannot be. `isNewer`: it is whole, but of a layout that came later. */
export type DecodedRecord =
  | { readonly head: RecordHead; readonly state: StatePart }
  | { readonly problem: string; readonly isNewer: boolean }

const LAYOUT = 1
const HAS_STATE = 1
const IS_ELSEWHERE = 2
const HAS_TASKS = 4
const HEADER_BYTES = 24
const ENTRY_HEADER_BYTES = 10
const GENERATION_BYTES = 6
const SEAL_BYTES = 8
const CHECKSUM_BYTES = 4
const NO_ENTRIES: readonly StoredEntry[] = []

/** 64-bit numbers pass through here: it is faster than methods of Buffer, and in one byte order everywhere. */
const wide = new Uint8Array(16)
const wideView = new DataView(wide.buffer)

/** The record of this key, head and state; the state is of the kind that the head says. */
export function encodeRecord(key: Buffer, head: RecordHead, state: StatePart): Buffer {
  const { indexes } = head
  const names = indexes.length === 0 ? [] : indexes.map(({ index }) => Buffer.from(index))
  const record = Buffer.allocUnsafe(recordBytes(indexes, names, state))
  record[4] = LAYOUT
  record[5] = flagsOf(head)
  record[6] = indexes.length >> 8
  record[7] = indexes.length
  wideView.setBigUint64(0, head.epoch)
  wideView.setBigUint64(8, head.version)
  record.set(wide, 8)
  const at = writeEntries(record, indexes, names)
  if (state instanceof Uint8Array) record.set(state, at)
  else if (state !== null) {
    writeUint32(record, at, state.length)
    writeUint32(record, at + 4, state.checksum)
  }
  writeUint32(record, 0, recordChecksum(key, record))
  return record
}

/** Reads a record that was found under this key. What it gives are views of `record`. */
export function decodeRecord(key: Buffer, record: Buffer): DecodedRecord {
  if (record.length < HEADER_BYTES) return broken(`it has ${record.length} bytes`)
  const stored = record.readUInt32BE(0)
  const found = recordChecksum(key, record)
  if (stored !== found) return broken(`its checksum is ${hex(found)}, not ${hex(stored)}`)
  if (record[4] !== LAYOUT) {
    return { problem: `its layout is ${record[4]}, ${LAYOUT} is known`, isNewer: true }
  }
  wide.set(record.subarray(8, HEADER_BYTES))
  const epoch = wideView.getBigUint64(0)
  const version = wideView.getBigUint64(8)
  const entries = readEntries(record)
  if (entries === undefined) return broken('its index entries go beyond its end')
  const flags = record[5]!
  const stateAt = statePlaceOf(flags)
  const state = readState(record, entries.end, stateAt)
  if (state === undefined) return broken('its state goes beyond its end')
  const hasTasks = (flags & HAS_TASKS) !== 0
  return { head: { epoch, version, hasTasks, indexes: entries.indexes, stateAt }, state }
}

/** Where a state belongs. */
export function placeOfState(bytes: Uint8Array | null): RecordHead['stateAt'] {
  if (bytes === null) return 'nowhere'
  return bytes.length > INLINE_STATE_BYTES_MAX ? 'elsewhere' : 'inside'
}

/** What a state must be like that lies elsewhere under this key. */
export function sealState(key: Buffer, bytes: Uint8Array): StateSeal {
  return { length: bytes.length, checksum: checksum(bytes, checksum(key)) }
}

/** Says why `bytes` are not the state with this seal, or `undefined` when they are. */
export function sealProblem(
  key: Buffer,
  seal: StateSeal,
  bytes: Uint8Array | undefined,
): string | undefined {
  if (bytes === undefined) return 'its state is missing'
  if (bytes.length !== seal.length) {
    return `its state has ${bytes.length} bytes, not ${seal.length}`
  }
  const found = sealState(key, bytes).checksum
  if (found === seal.checksum) return undefined
  return `the checksum of its state is ${hex(found)}, not ${hex(seal.checksum)}`
}

function recordChecksum(key: Buffer, record: Buffer): number {
  return checksum(record, checksum(key), CHECKSUM_BYTES)
}

function recordBytes(
  indexes: readonly StoredEntry[],
  names: readonly Buffer[],
  state: StatePart,
): number {
  let bytes = HEADER_BYTES
  for (let i = 0; i < names.length; i += 1) {
    bytes += ENTRY_HEADER_BYTES + names[i]!.length + indexes[i]!.key.length
  }
  if (state === null) return bytes
  return bytes + (state instanceof Uint8Array ? state.length : SEAL_BYTES)
}

function flagsOf({ stateAt, hasTasks }: RecordHead): number {
  const stateFlags = stateAt === 'nowhere' ? 0 : HAS_STATE
  return stateFlags | (stateAt === 'elsewhere' ? IS_ELSEWHERE : 0) | (hasTasks ? HAS_TASKS : 0)
}

function statePlaceOf(flags: number): RecordHead['stateAt'] {
  if ((flags & HAS_STATE) === 0) return 'nowhere'
  return (flags & IS_ELSEWHERE) === 0 ? 'inside' : 'elsewhere'
}

function writeEntries(
  record: Buffer,
  indexes: readonly StoredEntry[],
  names: readonly Buffer[],
): number {
  let at = HEADER_BYTES
  for (let i = 0; i < names.length; i += 1) {
    const name = names[i]!
    const { key, generation } = indexes[i]!
    const nameAt = at + ENTRY_HEADER_BYTES
    record.writeUInt16BE(name.length, at)
    record.writeUInt16BE(key.length, at + 2)
    record.writeUIntBE(generation, at + 4, GENERATION_BYTES)
    record.set(name, nameAt)
    record.set(key, nameAt + name.length)
    at = nameAt + name.length + key.length
  }
  return at
}

function readEntries(record: Buffer): { indexes: readonly StoredEntry[]; end: number } | undefined {
  const count = record.readUInt16BE(6)
  if (count === 0) return { indexes: NO_ENTRIES, end: HEADER_BYTES }
  const indexes: StoredEntry[] = []
  let at = HEADER_BYTES
  for (let i = 0; i < count; i += 1) {
    const nameAt = at + ENTRY_HEADER_BYTES
    if (nameAt > record.length) return undefined
    const keyAt = nameAt + record.readUInt16BE(at)
    const end = keyAt + record.readUInt16BE(at + 2)
    if (end > record.length) return undefined
    const generation = record.readUIntBE(at + 4, GENERATION_BYTES)
    const index = record.toString('utf8', nameAt, keyAt)
    indexes.push({ index, key: record.subarray(keyAt, end), generation })
    at = end
  }
  return { indexes, end: at }
}

function readState(
  record: Buffer,
  at: number,
  place: RecordHead['stateAt'],
): StatePart | undefined {
  if (place === 'nowhere') return null
  if (place === 'inside') return record.subarray(at)
  if (at + SEAL_BYTES > record.length) return undefined
  return { length: record.readUInt32BE(at), checksum: record.readUInt32BE(at + 4) }
}

/** What `writeUInt32BE` does, without its checks. */
function writeUint32(record: Buffer, at: number, value: number): void {
  record[at] = value >>> 24
  record[at + 1] = value >>> 16
  record[at + 2] = value >>> 8
  record[at + 3] = value
}

function broken(problem: string): DecodedRecord {
  return { problem, isNewer: false }
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0')
}
