/** Runs a query over what one node's store holds: walks the planned index, evaluates, and returns the first rows in order. */
import { PARTITIONS, type ScanRow } from '@epicserver/contracts'
import type { SortValue } from '@epicserver/wire'
import type { ClassDescription } from '../model/class-description.ts'
import type { EntityNode } from '../node/node.ts'
import {
  compareValues,
  fieldOf,
  meets,
  type Condition,
  type Order,
  type State,
} from './query-expression.ts'
import { planQuery, type QueryPlan } from './query-plan.ts'

/** A query as data. */
export interface QueryText {
  readonly type: string
  readonly condition: Condition | null
  readonly order: readonly Order[]
  readonly limit: number
  /** Fields to return with each row; none for refs alone. */
  readonly fields: readonly string[]
  readonly isCount: boolean
}

/** What one node found. */
export interface QueryPart {
  readonly rows: readonly QueryRow[]
  readonly count: number
  /** One bit for each partition that this node answered for. */
  readonly covered: Uint8Array
}

export interface QueryRow {
  readonly id: string
  readonly keys: readonly SortValue[]
  readonly fields: State
}

const PAGE = 256

export async function walkQuery(node: EntityNode, text: QueryText): Promise<QueryPart> {
  const description = node.description(text.type)
  const partitions = servedPartitions(node)
  const plan = await usablePlan(node, description, text)
  const rows: QueryRow[] = []
  let count = 0
  for (let after: Uint8Array | undefined, isMore = true; isMore;) {
    const page = await node.ports.store.scan({
      type: text.type,
      limit: PAGE,
      partitions,
      reverse: plan.reverse,
      ...(plan.index !== null && { index: plan.index }),
      ...(plan.from !== null && { from: plan.from }),
      ...(plan.to !== null && { to: plan.to }),
      ...(after !== undefined && { after }),
    })
    for (const row of page.rows) {
      const found = rowFrom(node, text, row)
      if (found === undefined) continue
      count += 1
      if (!text.isCount) rows.push(found)
    }
    const isEnough = plan.isOrdered && rows.length >= text.limit
    isMore = page.next !== null && !isEnough
    after = page.next ?? undefined
  }
  return { rows: firstInOrder(rows, text), count, covered: bitsOf(partitions) }
}

/** The plan, with only those indexes that are complete. */
export async function usablePlan(
  node: EntityNode,
  description: ClassDescription,
  text: QueryText,
): Promise<QueryPlan> {
  if (description.indexes.length === 0) return planQuery([], text.condition, text.order)
  const ready = new Set(
    (await node.ports.store.indexes(text.type))
      .filter(({ status }) => status === 'ready')
      .map(({ index }) => index),
  )
  return planQuery(
    description.indexes.filter(({ name }) => ready.has(name)),
    text.condition,
    text.order,
  )
}

/** Sorts rows as the query asks, ids deciding between equals, and keeps the first. */
export function firstInOrder(rows: readonly QueryRow[], { order, limit }: QueryText): QueryRow[] {
  const sorted = rows.toSorted((a, b) => {
    for (const [i, { descending }] of order.entries()) {
      const compared = compareValues(a.keys[i] ?? null, b.keys[i] ?? null)
      if (compared !== 0) return descending ? -compared : compared
    }
    return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
  })
  return limit < sorted.length ? sorted.slice(0, limit) : sorted
}

function rowFrom(node: EntityNode, text: QueryText, row: ScanRow): QueryRow | undefined {
  const { state } = node.durability.stateOf(text.type).decode(row.bytes, row.entity)
  if (text.condition !== null && !meets(state, text.condition)) return undefined
  return {
    id: row.entity.id,
    keys: text.order.map(({ field }) => fieldOf(state, field)),
    fields: Object.fromEntries(text.fields.map((field) => [field, state[field]])),
  }
}

/**
 * What this node answers for, and no more: a store that all nodes share holds others' too. When one of
 * these is lost during the walk, the store refuses the next page.
 */
function servedPartitions(node: EntityNode): Set<number> {
  const served = new Set<number>()
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    if (node.ports.router.isReady(partition)) served.add(partition)
  }
  return served
}

function bitsOf(partitions: ReadonlySet<number>): Uint8Array {
  const bits = new Uint8Array(PARTITIONS / 8)
  for (const partition of partitions) bits[partition >> 3]! |= 1 << (partition & 7)
  return bits
}
