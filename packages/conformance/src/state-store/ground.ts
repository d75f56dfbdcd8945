/** What each case of the suite stands on: a store of its own, and short words for what cases say most. */
import assert from 'node:assert/strict'
import { partitionOf, PARTITIONS } from '@epicserver/contracts'
import type {
  EntityId,
  IndexEntry,
  Scan,
  ScanRow,
  StateStore,
  Task,
  Write,
} from '@epicserver/contracts'
import type { StateStoreHarness } from './harness.ts'

/** What a case needs beyond a store. */
export class MissingFacility extends Error {}

/** A case: its claim, and what shows it. */
export type StateCases = Readonly<Record<string, (ground: Ground) => Promise<void>>>

const encoder = new TextEncoder()
// A byte order mark at the start of a text is part of it.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** The bytes of a text. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text)
}

/** The text of bytes; nothing stays nothing. */
export function textOf(bytes: Uint8Array | null | undefined): string | null {
  return bytes === null || bytes === undefined ? null : decoder.decode(bytes)
}

/** An entity of the type that most cases use. */
export function thing(id: string | number, type = 'Thing'): EntityId {
  return { type, id: String(id) }
}

/** Index entries from texts: `{ score: ['3'] }`. */
export function entriesOf(keys: Readonly<Record<string, readonly string[]>>): IndexEntry[] {
  return Object.entries(keys).flatMap(([index, texts]) =>
    texts.map((text) => ({ index, key: bytesOf(text) })),
  )
}

/** No case saves more rows than this. */
const ROWS_MAX = 10_000

/** All partitions there are. */
export const ALL_PARTITIONS: ReadonlySet<number> = new Set<number>(
  Array.from({ length: PARTITIONS }, (_, partition) => partition),
)

/** The partition of an entity. */
export function partitionOfEntity({ type, id }: EntityId): number {
  return partitionOf(type, id)
}

/** A write in the words of the cases. */
export interface Saving {
  readonly epoch?: bigint
  readonly version?: bigint
  readonly indexes?: Readonly<Record<string, readonly string[]>>
  readonly tasks?: Write['tasks']
}

export class Ground {
  readonly #harness: StateStoreHarness
  #store: StateStore

  constructor(harness: StateStoreHarness) {
    this.#harness = harness
    this.#store = harness.store
  }

  get store(): StateStore {
    return this.#store
  }

  /** Saves a text as the state of an entity that was at `version`; by itself the first write of epoch 1. */
  save(entity: EntityId, text: string | undefined, saving: Saving = {}): Promise<bigint> {
    const { epoch = 1n, version = 0n, indexes, tasks } = saving
    return this.#store.write(
      entity,
      { epoch, version },
      {
        ...(text === undefined ? {} : { bytes: bytesOf(text) }),
        ...(indexes === undefined ? {} : { indexes: entriesOf(indexes) }),
        ...(tasks === undefined ? {} : { tasks }),
      },
    )
  }

  /** What is saved of an entity, with its version: `2:text`. */
  async saved(entity: EntityId): Promise<string | null> {
    const record = await this.#store.read(entity)
    return record === null ? null : `${record.version}:${textOf(record.bytes)}`
  }

  /** The keys of the tasks that are due before an instant, earliest first. */
  async dueKeys(beforeMs: number = Number.POSITIVE_INFINITY, limit = 10_000): Promise<string[]> {
    const query = { partitions: ALL_PARTITIONS, beforeMs, limit }
    return (await this.#store.due(query)).map((task) => task.key)
  }

  /** All tasks, or those of some partitions. */
  async due(partitions?: ReadonlySet<number>): Promise<Task[]> {
    const asked = partitions ?? ALL_PARTITIONS
    return this.#store.due({ partitions: asked, beforeMs: Number.POSITIVE_INFINITY, limit: 10_000 })
  }

  /** All rows of a walk, page by page. */
  async rows(
    scan: Omit<Scan, 'limit' | 'type'> & { type?: string; page?: number },
  ): Promise<ScanRow[]> {
    const { page = 1_000, type = 'Thing', ...rest } = scan
    const rows: ScanRow[] = []
    let after = rest.after
    for (;;) {
      const asked: Scan = { ...rest, type, limit: page, ...(after === undefined ? {} : { after }) }
      const found = await this.#store.scan(asked)
      assert.ok(
        found.rows.length <= page,
        `a page has ${found.rows.length} of at most ${page} rows`,
      )
      rows.push(...found.rows)
      if (found.next === null) return rows
      assert.ok(found.rows.length > 0, 'a page that is not the last has rows')
      assert.ok(rows.length <= ROWS_MAX, 'the walk does not end')
      after = found.next
    }
  }

  /** The ids met on a walk. */
  async ids(scan: Parameters<Ground['rows']>[0] = {}): Promise<string[]> {
    return (await this.rows(scan)).map((row) => row.entity.id)
  }

  async reopen(): Promise<void> {
    if (this.#harness.reopen === undefined) throw new MissingFacility('keeps nothing when closed')
    this.#store = await this.#harness.reopen()
  }

  async crash(): Promise<void> {
    if (this.#harness.crash === undefined) throw new MissingFacility('cannot be crashed in a test')
    this.#store = await this.#harness.crash()
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
