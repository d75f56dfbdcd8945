/**
 * The indexes of a shard: what is known of them, and the entries that they hold.
 *
 * An index has a generation, which is part of its entries' keys and stands beside each entry in the records. Dropping an index, or
 * defining it anew, gives it another one: the old entries can no longer be met at that moment, and a sweeper takes them away, a few
 * thousand a commit. A generation is the number of the commit that made it, so none is ever used twice.
 */
import type { IndexEntry, IndexStatus } from '@epicserver/contracts'
import type { Changes } from './changes.ts'
import { checksum } from './checksum.ts'
import { prefixEnd } from './entity-key.ts'
import type { Environment } from './environment.ts'
import { indexEntryKey, indexPrefix } from './index-key.ts'
import { SWEPT_ENTRIES } from './limits.ts'
import type { StoredEntry } from './record.ts'

/** What is kept of an index. Without a status nobody has announced it, or it was dropped. */
interface KnownIndex {
  readonly generation: number
  readonly prefix: Buffer
  readonly status: IndexStatus | undefined
}

/** Whose entries change. */
interface Entries {
  readonly type: string
  readonly id: string
}

const NOTHING = Buffer.alloc(0)
const CHECKSUM_BYTES = 4

export class IndexCatalog {
  readonly #environment: Environment
  readonly #known = new Map<string, KnownIndex>()

  constructor(environment: Environment) {
    this.#environment = environment
    for (const { key, value } of environment.tables.catalog.getRange({})) {
      const name = key.toString()
      const [type = '', index = ''] = name.split('\0')
      const { generation, status } = decodeKnown(key, value) ?? this.#lost()
      const prefix = indexPrefix(type, index, generation)
      this.#known.set(name, { generation, prefix, status })
    }
  }

  /** All announced indexes, of a type or of all, by type and name. */
  list(type: string | undefined): IndexStatus[] {
    return [...this.#known.entries()]
      .toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .flatMap(([, { status }]) => status ?? [])
      .filter((status) => type === undefined || status.type === type)
  }

  /** What the keys of an index's entries start with now. */
  prefixOf(type: string, index: string): Buffer {
    return this.#of(type, index).prefix
  }

  /** Whether an entry that stands in a record is one of the index as it is now. */
  isCurrent(type: string, { index, generation }: StoredEntry): boolean {
    return this.#of(type, index).generation === generation
  }

  /** Adds what turns an entity's entries into the given set, and gives that set as it is stored. */
  replaceEntries(
    changes: Changes,
    entity: Entries,
    { before, next }: { before: readonly StoredEntry[]; next: readonly IndexEntry[] },
  ): readonly StoredEntry[] {
    if (before.length === 0 && next.length === 0) return before
    const { entries } = this.#environment.tables
    const old = this.#keysOf(entity, before)
    const stored: StoredEntry[] = []
    for (const { index, key } of next) {
      const { prefix, generation } = this.#of(entity.type, index)
      const entryKey = indexEntryKey(prefix, key, entity.id)
      const name = entryKey.toString('latin1')
      // Whatever is left in `old` at the end is not wanted any more.
      if (!old.delete(name) && !isIn(stored, { index, key }))
        changes.put(entries, entryKey, NOTHING)
      if (!isIn(stored, { index, key })) stored.push({ index, key: Buffer.from(key), generation })
    }
    for (const entryKey of old.values()) changes.remove(entries, entryKey)
    return stored
  }

  /** Adds what announces an index; gives what must be called when that is durable. */
  set(changes: Changes, status: IndexStatus): () => void {
    const known = this.#of(status.type, status.index)
    const isOther = known.status !== undefined && known.status.definition !== status.definition
    return this.#change(changes, status, {
      status: { ...status },
      generation: isOther ? this.#environment.nextCommitNumber : known.generation,
    })
  }

  /** Adds what forgets an index; gives what must be called when that is durable. */
  drop(changes: Changes, type: string, index: string): () => void {
    const generation = this.#environment.nextCommitNumber
    return this.#change(changes, { type, index }, { generation, status: undefined })
  }

  /** Adds the removal of some entries that nobody needs; says whether there may be more. */
  sweep(changes: Changes): boolean {
    const { garbage, entries } = this.#environment.tables
    const [prefix] = garbage.getKeys({ limit: 1 })
    if (prefix === undefined) return false
    let swept = 0
    for (const key of entries.getKeys({
      start: prefix,
      end: prefixEnd(prefix),
      limit: SWEPT_ENTRIES,
    })) {
      changes.remove(entries, key)
      swept += 1
    }
    if (swept < SWEPT_ENTRIES) changes.remove(garbage, prefix)
    return true
  }

  #of(type: string, index: string): KnownIndex {
    const name = nameOf(type, index)
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const fresh = { generation: 0, prefix: indexPrefix(type, index, 0), status: undefined }
    this.#known.set(name, fresh)
    return fresh
  }

  #keysOf({ type, id }: Entries, stored: readonly StoredEntry[]): Map<string, Buffer> {
    const keys = new Map<string, Buffer>()
    for (const entry of stored) {
      if (!this.isCurrent(type, entry)) continue
      const key = indexEntryKey(this.prefixOf(type, entry.index), entry.key, id)
      keys.set(key.toString('latin1'), key)
    }
    return keys
  }

  #change(
    changes: Changes,
    { type, index }: Pick<IndexStatus, 'type' | 'index'>,
    next: Pick<KnownIndex, 'generation' | 'status'>,
  ): () => void {
    const { catalog, garbage } = this.#environment.tables
    const before = this.#of(type, index)
    const key = Buffer.from(nameOf(type, index))
    changes.put(catalog, key, encodeKnown(key, next))
    if (next.generation !== before.generation) changes.put(garbage, before.prefix, NOTHING)
    const prefix = indexPrefix(type, index, next.generation)
    return () => this.#known.set(nameOf(type, index), { ...next, prefix })
  }

  /** A damaged index starts anew under a generation that no entry has; the runtime finds it unannounced and builds it. */
  #lost(): Pick<KnownIndex, 'generation' | 'status'> {
    return { generation: this.#environment.nextCommitNumber, status: undefined }
  }
}

function nameOf(type: string, index: string): string {
  return `${type}\0${index}`
}

function isIn(entries: readonly IndexEntry[], { index, key }: IndexEntry): boolean {
  return entries.some((entry) => entry.index === index && Buffer.compare(entry.key, key) === 0)
}

function encodeKnown(
  key: Buffer,
  { generation, status }: Pick<KnownIndex, 'generation' | 'status'>,
): Buffer {
  const text = Buffer.from(JSON.stringify({ generation, status }))
  const value = Buffer.concat([Buffer.alloc(CHECKSUM_BYTES), text])
  value.writeUInt32BE(checksum(text, checksum(key)))
  return value
}

function decodeKnown(
  key: Buffer,
  value: Buffer,
): Pick<KnownIndex, 'generation' | 'status'> | undefined {
  if (value.length < CHECKSUM_BYTES) return undefined
  const text = value.subarray(CHECKSUM_BYTES)
  if (value.readUInt32BE() !== checksum(text, checksum(key))) return undefined
  return JSON.parse(text.toString()) as Pick<KnownIndex, 'generation' | 'status'>
}
