/**
 * Any value as JSON can carry it and a person can read it: what the command line shows of results and of entities' fields.
 *
 * Refs become `Player/bob`, what JSON lacks becomes a string or an object that says what it is, and a cycle is cut where it closes.
 * It is for looking at: what it returns is not to be made into the value again.
 */
import { isRef, type RefObject } from '../model/ref.ts'

/** Deeper than anybody reads; far from where the stack ends. */
const DEPTH_MAX = 100

export function plainValue(value: unknown): unknown {
  return plain(value, [])
}

function plain(value: unknown, above: readonly object[]): unknown {
  switch (typeof value) {
    case 'bigint':
      return `${value}n`
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'function':
    case 'symbol':
      return `[${typeof value}]`
    case 'object':
      return value === null ? null : plainObject(value, above)
    default:
      return value
  }
}

function plainObject(object: object, above: readonly object[]): unknown {
  if (isRef(object)) return (object as unknown as RefObject).toString()
  if (object instanceof Date)
    return Number.isNaN(object.getTime()) ? 'Invalid Date' : object.toISOString()
  if (object instanceof Error) return `${object.name}: ${object.message}`
  if (object instanceof RegExp) return String(object)
  if (object instanceof ArrayBuffer || object instanceof DataView)
    return `[${object.byteLength} bytes]`
  if (above.includes(object)) return '[circular]'
  if (above.length >= DEPTH_MAX) return '[deeper]'
  const inside = [...above, object]
  if (object instanceof Uint8Array) return `[${object.length} bytes]`
  if (ArrayBuffer.isView(object))
    return [...(object as unknown as Iterable<number | bigint>)].map((item) => plain(item, inside))
  if (Array.isArray(object)) return object.map((item) => plain(item, inside) ?? null)
  if (object instanceof Map)
    return { Map: [...object].map(([key, item]) => [plain(key, inside), plain(item, inside)]) }
  if (object instanceof Set) return { Set: [...object].map((item) => plain(item, inside)) }
  return Object.fromEntries(Object.entries(object).map(([key, item]) => [key, plain(item, inside)]))
}
