/**
 * Queries over saved entities of a class.
 *
 * A query is built as data and runs on every node over the partitions that it serves; the asking node merges what they found and
 * sees to it that every partition answered, so that a query during a hand-over waits rather than leaving entities out. It sees
 * what is saved: with acknowledged durability that is all that any caller was told.
 */
import { EpicError, isEpicError, PARTITIONS, type ErrorCode } from '@epicserver/contracts'
import type { ClassDescription } from '../model/class-description.ts'
import type { EntityNode } from '../node/node.ts'
import {
  conditionOf,
  fieldsOf,
  type Condition,
  type Fields,
  type Order,
  type Where,
} from './query-expression.ts'
import {
  firstInOrder,
  usablePlan,
  walkQuery,
  type QueryPart,
  type QueryText,
} from './query-walk.ts'
import type { Ref } from '../model/ref.ts'
import type { FieldName } from '../model/settings.ts'
import { pause } from '../node/pause.ts'

/** What other nodes are asked to run. */
export const QUERY_REQUEST = 'query'

/** How a query would run. */
export interface Explanation {
  /** The index that serves it, or `null` where every saved entity is read. */
  readonly index: string | null
  readonly why: string
  readonly isOrdered: boolean
}

/** A row of a projection: the fields asked for, and the ref. */
export type Row<E, K extends FieldName<E>> = { readonly [P in K]: E[P] } & { readonly ref: Ref<E> }

/**
 * A question about saved entities; awaiting it gives refs.
 * @example
 * const best = await pool.query(Player).where((p) => p.score.gt(100)).orderBy((p) => p.score.desc()).take(10)
 */
export interface Query<E> extends PromiseLike<Ref<E>[]> {
  /** Only those that meet the condition; several `where`s must all be met. */
  where(condition: (fields: Fields<E>) => Where): Query<E>
  /** In which order; the second decides between those that are equal by the first, and so on. */
  orderBy(...orders: ((fields: Fields<E>) => Order)[]): Query<E>
  /** At most so many. */
  take(count: number): Query<E>
  /** What awaiting the query gives. */
  refs(): Promise<Ref<E>[]>
  /** The given fields of each, with its ref. */
  select<K extends FieldName<E>>(...fields: K[]): Promise<Row<E, K>[]>
  /** The first in its order, if there is any. */
  first(): Promise<Ref<E> | undefined>
  /** How many there are, whatever `take` says. */
  count(): Promise<number>
  /** Which index serves it. */
  explain(): Promise<Explanation>
}

export function createQuery<E>(node: EntityNode, description: ClassDescription): Query<E> {
  return new EntityQuery<E>(node, {
    type: description.name,
    condition: null,
    order: [],
    limit: Number.MAX_SAFE_INTEGER,
    fields: [],
    isCount: false,
  })
}

class EntityQuery<E> implements Query<E> {
  readonly #node: EntityNode
  readonly #text: QueryText

  constructor(node: EntityNode, text: QueryText) {
    this.#node = node
    this.#text = text
  }

  where(condition: (fields: Fields<E>) => Where): Query<E> {
    const more = conditionOf(condition(fieldsOf<E>()))
    const before = this.#text.condition
    const both: Condition = before === null ? more : { op: 'and', of: [before, more] }
    return this.#with({ condition: both })
  }

  orderBy(...orders: ((fields: Fields<E>) => Order)[]): Query<E> {
    return this.#with({
      order: [...this.#text.order, ...orders.map((order) => order(fieldsOf<E>()))],
    })
  }

  take(count: number): Query<E> {
    if (!Number.isInteger(count) || count < 0)
      throw new TypeError(`take needs a whole number, not ${count}`)
    return this.#with({ limit: count })
  }

  async refs(): Promise<Ref<E>[]> {
    const { rows } = await runQuery(this.#node, this.#text)
    return rows.map(({ id }) => this.#ref(id))
  }

  async select<K extends FieldName<E>>(...fields: K[]): Promise<Row<E, K>[]> {
    const { rows } = await runQuery(this.#node, { ...this.#text, fields })
    return rows.map((row) => ({ ...row.fields, ref: this.#ref(row.id) }) as unknown as Row<E, K>)
  }

  async first(): Promise<Ref<E> | undefined> {
    return (await this.take(1).refs())[0]
  }

  async count(): Promise<number> {
    return (await runQuery(this.#node, { ...this.#text, isCount: true })).count
  }

  async explain(): Promise<Explanation> {
    const { index, why, isOrdered } = await usablePlan(
      this.#node,
      this.#node.description(this.#text.type),
      this.#text,
    )
    return { index, why, isOrdered }
  }

  // oxlint-disable-next-line unicorn/no-thenable -- a query may be awaited, as its users expect
  then<A = Ref<E>[], B = never>(
    onFulfilled?: ((refs: Ref<E>[]) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.refs().then(onFulfilled, onRejected)
  }

  #with(change: Partial<QueryText>): Query<E> {
    return new EntityQuery<E>(this.#node, { ...this.#text, ...change })
  }

  #ref(id: string): Ref<E> {
    return this.#node.refTo(this.#text.type, id) as unknown as Ref<E>
  }
}

/** Asks all nodes and merges; asks again while a partition is between owners. */
async function runQuery(node: EntityNode, text: QueryText): Promise<QueryPart> {
  const { clock, router } = node.ports
  const endsAt = clock.monotonicMs() + node.limits.callTimeoutMs
  for (;;) {
    const timeLeftMs = endsAt - clock.monotonicMs()
    const others = router.askOthers(QUERY_REQUEST, [text], timeLeftMs)
    const [here] = await Promise.allSettled([walkQuery(node, text)])
    const parts: QueryPart[] = []
    let missed: unknown
    for (const answer of [here, ...(await others)]) {
      if (answer.status === 'fulfilled') parts.push(answer.value as QueryPart)
      else missed = missingPart(answer.reason)
    }
    if (isComplete(parts)) {
      const count = parts.reduce((sum, part) => sum + part.count, 0)
      return {
        rows: firstInOrder(
          parts.flatMap((part) => part.rows),
          text,
        ),
        count,
        covered: parts[0]!.covered,
      }
    }
    if (timeLeftMs <= RETRY_MS)
      throw new EpicError(
        'Unavailable',
        `Cannot query ${text.type}: not every partition has an owner that answers`,
        { cause: missed },
      )
    await pause(clock, RETRY_MS)
  }
}

const RETRY_MS = 50

/** What passes when a node comes or goes; what it has is asked for again. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  'Fenced',
  'NodeLost',
  'NodeStopping',
  'Overloaded',
  'Timeout',
  'Unavailable',
])

/** @throws what asking again would not mend, as a result that is too large for a message. */
function missingPart(error: unknown): unknown {
  if (isEpicError(error) && PASSING.has(error.code)) return error
  throw error
}

function isComplete(parts: readonly QueryPart[]): boolean {
  for (let byte = 0; byte < PARTITIONS / 8; byte += 1) {
    if (parts.reduce((bits, part) => bits | (part.covered[byte] ?? 0), 0) !== 0xff) return false
  }
  return true
}
