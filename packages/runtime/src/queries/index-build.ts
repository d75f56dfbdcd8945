/**
 * Builds indexes that were declared after entities had been saved.
 *
 * A new index is announced as `building`: from then on every write keeps it, and queries do not use it. A walk over the old
 * records adds their entries, each guarded by the record's version, so that a write in between wins. When the walk has ended
 * the index is `ready`. An index that is no longer declared is dropped. A crash in between leaves `building`, and the
 * walk begins again.
 */
import type { IndexStatus } from '@epicserver/contracts'
import type { ClassDescription } from '../model/class-description.ts'
import { indexEntries } from './index-entries.ts'
import type { EntityNode } from '../node/node.ts'

const PAGE = 256

/** Builds in the background, one run after the other, whenever the node has gained partitions. */
export class IndexBuilder {
  readonly #node: EntityNode
  #isRunning = false
  #isAsked = false

  constructor(node: EntityNode) {
    this.#node = node
  }

  /** The store may hold entities now whose indexes are not built. */
  request(): void {
    this.#isAsked = true
    if (!this.#isRunning) void this.#run()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#isAsked && !this.#node.isClosed) {
      this.#isAsked = false
      try {
        await buildIndexes(this.#node)
      } catch (error) {
        // A shard that was taken away meanwhile is its next owner's matter; queries read all entities until then.
        this.#node.log.warn('indexes could not be built', { error })
      }
    }
    this.#isRunning = false
  }
}

/** Brings the indexes of all classes up to what they declare, over what this node's store holds. */
export async function buildIndexes(node: EntityNode): Promise<void> {
  const all = await node.ports.store.indexes()
  for (const description of node.descriptions.values()) {
    const kept = all.filter(({ type }) => type === description.name)
    if (description.persistent) await buildOf(node, description, kept)
  }
}

async function buildOf(
  node: EntityNode,
  description: ClassDescription,
  kept: readonly IndexStatus[],
): Promise<void> {
  const { store } = node.ports
  const type = description.name
  const known = new Map(kept.map((status) => [status.index, status]))
  for (const index of known.keys()) {
    if (!description.indexes.some(({ name }) => name === index)) await store.dropIndex(type, index)
  }
  const missing = description.indexes.filter(({ name }) => known.get(name)?.status !== 'ready')
  if (missing.length === 0) return
  for (const { name, fields } of missing)
    await store.setIndex({ type, index: name, definition: fields.join(','), status: 'building' })
  const count = await indexOldRecords(node, description)
  for (const { name, fields } of missing)
    await store.setIndex({ type, index: name, definition: fields.join(','), status: 'ready' })
  if (count > 0)
    node.log.info('indexes were built over old entities', {
      type,
      indexes: missing.map(({ name }) => name).join(' '),
      entities: count,
    })
}

async function indexOldRecords(node: EntityNode, description: ClassDescription): Promise<number> {
  const { store } = node.ports
  const state = node.durability.stateOf(description.name)
  let count = 0
  for (let after: Uint8Array | undefined, isMore = true; isMore && !node.isClosed;) {
    const page = await store.scan({
      type: description.name,
      limit: PAGE,
      ...(after !== undefined && { after }),
    })
    for (const row of page.rows) {
      const content = state.decode(row.bytes, row.entity)
      await store.reindex(row.entity, row.version, indexEntries(description, content.state))
      count += 1
    }
    after = page.next ?? undefined
    isMore = page.next !== null
  }
  return count
}
