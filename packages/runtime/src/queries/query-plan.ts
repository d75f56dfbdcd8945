/**
 * Chooses the index that serves a query, and the part of it to walk.
 *
 * An index over fields `a, b, c` serves equality on a prefix of its fields, then one range on the next; and the order, when what
 * is left of its fields after the equalities is the order asked for. The best index is the one with the most equalities, then
 * with a range, then with the order. Conditions are evaluated again on what is found, so a plan may be too wide but never wrong.
 */
import { encodeSortKey, sortKeyEnd, type SortValue } from '@epicserver/wire'
import type { IndexDescription } from '../model/class-description.ts'
import type { Condition, Order } from './query-expression.ts'

export interface QueryPlan {
  /** Walked in its order; without one, all saved entities of the class are. */
  readonly index: string | null
  readonly from: Uint8Array | null
  readonly to: Uint8Array | null
  readonly reverse: boolean
  /** Whether entities are met in the order asked for, so that the walk may end at the limit. */
  readonly isOrdered: boolean
  /** What the index decides, in words. */
  readonly why: string
}

interface Bounds {
  readonly equal: ReadonlyMap<string, SortValue>
  readonly ranges: ReadonlyMap<string, Range>
}

interface Range {
  low?: { readonly value: SortValue; readonly included: boolean }
  high?: { readonly value: SortValue; readonly included: boolean }
  prefix?: string
}

export function planQuery(
  indexes: readonly IndexDescription[],
  condition: Condition | null,
  order: readonly Order[],
): QueryPlan {
  const bounds = boundsOf(condition)
  let best: { readonly plan: QueryPlan; readonly score: number } | undefined
  for (const index of indexes) {
    const candidate = planWith(index, bounds, order)
    if (candidate.score > (best?.score ?? 0)) best = candidate
  }
  return (
    best?.plan ?? {
      index: null,
      from: null,
      to: null,
      reverse: false,
      isOrdered: order.length === 0,
      why: 'no declared index serves this query: every saved entity of the class is read',
    }
  )
}

function planWith(
  index: IndexDescription,
  bounds: Bounds,
  order: readonly Order[],
): { plan: QueryPlan; score: number } {
  const prefix: SortValue[] = []
  for (const field of index.fields) {
    if (!bounds.equal.has(field)) break
    prefix.push(bounds.equal.get(field) as SortValue)
  }
  const rest = index.fields.slice(prefix.length)
  const range = rest[0] === undefined ? undefined : bounds.ranges.get(rest[0])
  const wanted = order.filter(({ field }) => !bounds.equal.has(field))
  const isOrdered = wanted.every(
    (key, i) => key.field === rest[i] && key.descending === wanted[0]?.descending,
  )
  const reverse = isOrdered && wanted[0]?.descending === true
  const score =
    prefix.length * 4 + (range === undefined ? 0 : 2) + (isOrdered && wanted.length > 0 ? 1 : 0)
  const [from, to] = keysOf(prefix, range)
  const why = [
    prefix.length > 0 ? `equal ${index.fields.slice(0, prefix.length).join(', ')}` : '',
    range === undefined ? '' : `range of ${rest[0]}`,
    isOrdered && wanted.length > 0 ? 'in order' : '',
  ]
  return {
    score,
    plan: {
      index: index.name,
      from,
      to,
      reverse,
      isOrdered,
      why: why.filter((part) => part !== '').join('; '),
    },
  }
}

function keysOf(
  prefix: readonly SortValue[],
  range: Range | undefined,
): [Uint8Array | null, Uint8Array | null] {
  const whole = prefix.length === 0 ? null : encodeSortKey(prefix)
  let from = whole
  let to = whole === null ? null : sortKeyEnd(prefix)
  if (range?.low !== undefined) {
    const low = [...prefix, range.low.value]
    from = range.low.included ? encodeSortKey(low) : sortKeyEnd(low)
  }
  if (range?.high !== undefined) {
    const high = [...prefix, range.high.value]
    to = range.high.included ? sortKeyEnd(high) : encodeSortKey(high)
  }
  if (range?.prefix !== undefined) from = encodeSortKey([...prefix, range.prefix])
  return [from, to]
}

/** What must hold in any case: the parts of a conjunction. */
function boundsOf(condition: Condition | null): Bounds {
  const equal = new Map<string, SortValue>()
  const ranges = new Map<string, Range>()
  const rangeOf = (field: string): Range => {
    const range = ranges.get(field) ?? {}
    ranges.set(field, range)
    return range
  }
  const visit = (part: Condition): void => {
    if (part.op === 'and') part.of.forEach(visit)
    else if (part.op === 'eq') equal.set(part.field, part.value)
    else if (part.op === 'gt' || part.op === 'gte')
      rangeOf(part.field).low = { value: part.value, included: part.op === 'gte' }
    else if (part.op === 'lt' || part.op === 'lte')
      rangeOf(part.field).high = { value: part.value, included: part.op === 'lte' }
    else if (part.op === 'startsWith') rangeOf(part.field).prefix = String(part.value)
  }
  if (condition !== null) visit(condition)
  return { equal, ranges }
}
