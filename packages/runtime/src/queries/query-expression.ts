/**
 * Conditions and orders of a query, as plain data that crosses to other nodes and is evaluated there.
 *
 * Values compare as index keys do (kinds: null, booleans, numbers, BigInts, strings, dates; a missing field is null; what no index
 * can order counts as null), so that a query finds the same entities whether an index serves it or not.
 */
import { encodeSortKey, isSortValue, type SortValue } from '@epicserver/wire'
import type { FieldName } from '../model/settings.ts'

type Comparison = 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte' | 'startsWith'

/** A condition, as data. */
export type Condition =
  | {
      readonly op: Comparison
      readonly field: string
      readonly value: SortValue
    }
  | { readonly op: 'in'; readonly field: string; readonly values: readonly SortValue[] }
  | { readonly op: 'contains'; readonly field: string; readonly value: unknown }
  | { readonly op: 'and' | 'or'; readonly of: readonly Condition[] }
  | { readonly op: 'not'; readonly of: Condition }

/** One key of an order. */
export interface Order {
  readonly field: string
  readonly descending: boolean
}

/** What must hold of the entities that a query finds. */
export interface Where {
  /** Both must hold. */
  and(other: Where): Where
  /** One must hold, or both. */
  or(other: Where): Where
  /** It must not hold. */
  not(): Where
}

/** A field in a query: compared, or an order. */
export interface Field<V> {
  /** Equal to the value. */
  eq(value: V): Where
  /** Not equal to it. */
  ne(value: V): Where
  /** Greater than it. */
  gt(value: V): Where
  /** Greater than it, or equal. */
  gte(value: V): Where
  /** Less than it. */
  lt(value: V): Where
  /** Less than it, or equal. */
  lte(value: V): Where
  /** From the first value to the second, both included. */
  between(from: V, to: V): Where
  /** Equal to one of the values. */
  in(values: readonly V[]): Where
  /** For text: begins with the prefix. */
  startsWith(prefix: V & string): Where
  /** For lists, sets and maps: whether the value is a member, or a key. */
  contains(value: unknown): Where
  /** The least first. */
  asc(): Order
  /** The greatest first. */
  desc(): Order
}

/** A condition as users build it. */
class Filter implements Where {
  readonly condition: Condition

  constructor(condition: Condition) {
    this.condition = condition
  }

  and(other: Where): Where {
    return new Filter({ op: 'and', of: [this.condition, conditionOf(other)] })
  }

  or(other: Where): Where {
    return new Filter({ op: 'or', of: [this.condition, conditionOf(other)] })
  }

  not(): Where {
    return new Filter({ op: 'not', of: this.condition })
  }
}

/**
 * The condition that a user's function returned.
 * @throws TypeError when it returned something else
 */
export function conditionOf(where: Where): Condition {
  if (where instanceof Filter) return where.condition
  throw new TypeError('where needs a condition, as in where((p) => p.score.gt(100))')
}

class NamedField<V> implements Field<V> {
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  eq(value: V): Where {
    return this.#compare('eq', value)
  }

  ne(value: V): Where {
    return this.#compare('ne', value)
  }

  gt(value: V): Where {
    return this.#compare('gt', value)
  }

  gte(value: V): Where {
    return this.#compare('gte', value)
  }

  lt(value: V): Where {
    return this.#compare('lt', value)
  }

  lte(value: V): Where {
    return this.#compare('lte', value)
  }

  between(from: V, to: V): Where {
    return this.gte(from).and(this.lte(to))
  }

  in(values: readonly V[]): Where {
    return new Filter({ op: 'in', field: this.#name, values: values.map(sortValue) })
  }

  startsWith(prefix: V & string): Where {
    return this.#compare('startsWith', prefix)
  }

  contains(value: unknown): Where {
    return new Filter({ op: 'contains', field: this.#name, value })
  }

  asc(): Order {
    return { field: this.#name, descending: false }
  }

  desc(): Order {
    return { field: this.#name, descending: true }
  }

  #compare(op: Comparison, value: V): Where {
    return new Filter({ op, field: this.#name, value: sortValue(value) })
  }
}

/** The fields of `E`, as a query's functions see them. */
export type Fields<E> = { readonly [K in FieldName<E>]: Field<E[K]> }

/** The object given to `where` and `orderBy`: any name is a field. */
export function fieldsOf<E>(): Fields<E> {
  return new Proxy(Object.create(null) as object, {
    get: (_target, name) => (typeof name === 'string' ? new NamedField(name) : undefined),
  }) as Fields<E>
}

export type State = Readonly<Record<string, unknown>>

/** Whether a saved state meets a condition. */
export function meets(state: State, condition: Condition): boolean {
  switch (condition.op) {
    case 'and':
      return condition.of.every((each) => meets(state, each))
    case 'or':
      return condition.of.some((each) => meets(state, each))
    case 'not':
      return !meets(state, condition.of)
    case 'in':
      return condition.values.some(
        (value) => compareValues(fieldOf(state, condition.field), value) === 0,
      )
    case 'contains':
      return hasMember(state[condition.field], condition.value)
    case 'startsWith':
      return String(fieldOf(state, condition.field) ?? '').startsWith(String(condition.value))
    default:
      return holds(condition.op, compareValues(fieldOf(state, condition.field), condition.value))
  }
}

/** A field's value as an index orders it. */
export function fieldOf(state: State, field: string): SortValue {
  return Object.hasOwn(state, field) ? sortValue(state[field]) : null
}

/** Less than, equal or greater, as index keys are. */
export function compareValues(a: SortValue, b: SortValue): number {
  if (typeof a === 'number' && typeof b === 'number' && a === a && b === b) return a - b
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  return compareBytes(encodeSortKey([a]), encodeSortKey([b]))
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i += 1) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

function sortValue(value: unknown): SortValue {
  return isSortValue(value) ? value : null
}

function holds(op: Exclude<Comparison, 'startsWith'>, order: number): boolean {
  switch (op) {
    case 'eq':
      return order === 0
    case 'ne':
      return order !== 0
    case 'gt':
      return order > 0
    case 'gte':
      return order >= 0
    case 'lt':
      return order < 0
    case 'lte':
      return order <= 0
  }
}

function hasMember(collection: unknown, value: unknown): boolean {
  if (Array.isArray(collection)) return collection.includes(value)
  return collection instanceof Set || collection instanceof Map ? collection.has(value) : false
}
