/**
 * Walks over saved entities as statements, and the places on a walk.
 *
 * A place is what rows are ordered by: the id, or in an index the key with the id behind it. The token of a page is the place of its
 * last row. Conditions are in a statement only where they are asked for, so that each of them can bound the search; the few dozen
 * texts that come of it are prepared once each.
 *
 * A page is bounded in bytes, too. The size of a state is known without reading it, so what a page leaves out costs little.
 */
import { EpicError } from '@epicserver/contracts'
import type { Scan, ScanRow } from '@epicserver/contracts'
import { numberArray } from './array-text.ts'
import { PAGE_BYTES_MAX } from './limits.ts'
import type { Statement, Value } from './link.ts'

/** Where a row stands on a walk. */
export interface Place {
  readonly key: Uint8Array
  readonly id: Uint8Array
}

/** A row as it comes from the database. */
export interface WalkRow extends Place {
  readonly epoch: string
  readonly version: string
  readonly state: Uint8Array
  /** How many rows the database found, those that are too much for a page included. */
  readonly found: number
}

/** A statement with its values. */
export interface Walk {
  readonly statement: Statement
  readonly values: readonly Value[]
}

const NO_KEY = new Uint8Array()

/** The statement for a page of a walk, and one row more if there is one within the bytes of a page. */
export function walkOf(s: string, scan: Scan): Walk {
  const values: Value[] = []
  const value = (given: Value): string => `$${values.push(given)}`
  const { index, reverse = false } = scan
  const conditions = [
    'e.state IS NOT NULL',
    ...(index === undefined
      ? [`e.type = ${value(scan.type)}`]
      : [`x.type = ${value(scan.type)}`, `x.name = ${value(Buffer.from(index))}`]),
    ...bounds(scan, value),
  ]
  const direction = reverse ? 'DESC' : 'ASC'
  const [columns, tables, order] =
    index === undefined
      ? ["''::bytea AS key, e.id", `${s}.entity e`, `e.id ${direction}`]
      : [
          'x.key, x.id',
          `${s}.entry x JOIN ${s}.entity e ON e.type = x.type AND e.id = x.id`,
          `x.key ${direction}, x.id ${direction}`,
        ]
  const text = `
    SELECT key, id, epoch, version, state, found FROM (
      SELECT *, (count(*) OVER ())::int AS found,
        sum(octet_length(state)) OVER (ORDER BY nr) - octet_length(state) AS bytes_before FROM (
        SELECT ${columns}, e.epoch, e.version, e.state, row_number() OVER (ORDER BY ${order}) AS nr
        FROM ${tables} WHERE ${conditions.join(' AND ')}
        ORDER BY ${order} LIMIT ${value(scan.limit + 1)}
      ) page
    ) sized WHERE bytes_before < ${PAGE_BYTES_MAX} ORDER BY nr`
  return { statement: { name: index === undefined ? 'walk ids' : 'walk index', text }, values }
}

/** A row as the port gives it. */
export function scanRowFrom(type: string, row: WalkRow): ScanRow {
  return {
    entity: { type, id: Buffer.from(row.id).toString() },
    epoch: BigInt(row.epoch),
    version: BigInt(row.version),
    bytes: row.state,
    key: row.key,
  }
}

/** A place as the token of a page: one byte for the length of the key, the key, the id. */
export function tokenOf({ key, id }: Place): Uint8Array {
  return Buffer.concat([Buffer.of(key.byteLength), key, id])
}

/** In which order rows stand on a walk. */
export function comparePlaces({ reverse = false }: Scan): (a: Place, b: Place) => number {
  const compare = (a: Place, b: Place): number =>
    Buffer.compare(a.key, b.key) || Buffer.compare(a.id, b.id)
  return reverse ? (a, b) => compare(b, a) : compare
}

function bounds(scan: Scan, value: (given: Value) => string): string[] {
  const { from, to, after, partitions, reverse = false, index } = scan
  const by = index === undefined ? 'e.id' : 'x.key'
  const conditions: string[] = []
  if (from !== undefined) conditions.push(`${by} >= ${value(from)}`)
  if (to !== undefined) conditions.push(`${by} < ${value(to)}`)
  if (after !== undefined) {
    const { key, id } = placeFrom(after)
    const beyond = reverse ? '<' : '>'
    conditions.push(
      index === undefined
        ? `e.id ${beyond} ${value(id)}`
        : `(x.key, x.id) ${beyond} (${value(key)}, ${value(id)})`,
    )
  }
  if (partitions !== undefined) {
    const table = index === undefined ? 'e' : 'x'
    conditions.push(`${table}.partition = ANY(${value(numberArray(partitions))}::smallint[])`)
  }
  return conditions
}

/** @throws EpicError `SettingsInvalid` for what no page gave */
function placeFrom(token: Uint8Array): Place {
  const [length] = token
  if (length === undefined || token.byteLength < 1 + length) {
    throw new EpicError('SettingsInvalid', 'Cannot go on with a walk: `after` is of no page')
  }
  if (length === 0) return { key: NO_KEY, id: token.subarray(1) }
  return { key: token.subarray(1, 1 + length), id: token.subarray(1 + length) }
}
