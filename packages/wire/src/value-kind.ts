/**
 * What an object is, as far as the codec cares: asked of everything that is neither an ordinary
 * array nor an ordinary object.
 *
 * The checks look at internal slots, not at `instanceof` or `constructor`: values come from other
 * realms too (an app loaded in a context of its own, a simulated world), and names can be forged.
 * Subclasses are refused, since what reads the bytes would make the superclass; the exceptions are
 * errors, and views of bytes such as Node's Buffer, which arrive as Uint8Array.
 */

/** What an object is; `other` can be neither sent nor saved. */
export type ValueKind =
  | 'plain'
  | 'array'
  | 'map'
  | 'set'
  | 'date'
  | 'error'
  | 'buffer'
  | 'view'
  | 'other'

/** The kind of any object. Never throws, unless a proxy's trap does. */
export function kindOf(value: object): ValueKind {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (Array.isArray(value)) return Array.isArray(prototype) ? 'array' : 'other'
  if (prototype === null || isObjectPrototype(prototype as object)) return 'plain'
  if (ArrayBuffer.isView(value)) return viewName(value) === undefined ? 'other' : 'view'
  if (value instanceof Error) return 'error'
  const isDirect = isObjectPrototype(Object.getPrototypeOf(prototype) as object | null)
  switch (Object.prototype.toString.call(value)) {
    case '[object Error]':
      return 'error'
    case '[object Map]':
      return isDirect && answers(mapSize, value) ? 'map' : 'other'
    case '[object Set]':
      return isDirect && answers(setSize, value) ? 'set' : 'other'
    case '[object Date]':
      return isDirect && answers(dateTime, value) ? 'date' : 'other'
    case '[object ArrayBuffer]':
      return isDirect && answers(bufferSize, value) ? 'buffer' : 'other'
    default:
      return 'other'
  }
}

/** The class of a typed array, `undefined` for a DataView. */
export function viewName(view: ArrayBufferView): string | undefined {
  return typedArrayTag.call(view) as string | undefined
}

/** Names a value that was refused: `a function`, `an instance of Socket`. */
export function describeValue(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'symbol') return 'a symbol'
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`
  const made: unknown = (value as { constructor?: unknown }).constructor
  const name = typeof made === 'function' ? made.name : ''
  if (name !== '') return `an instance of ${name}`
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1)
  return tag === 'Object' ? 'an object without a class name' : `a ${tag}`
}

const mapSize = getterOf(Map.prototype, 'size')
const setSize = getterOf(Set.prototype, 'size')
const bufferSize = getterOf(ArrayBuffer.prototype, 'byteLength')
const typedArrayTag = getterOf(
  Object.getPrototypeOf(Uint8Array.prototype) as object,
  Symbol.toStringTag,
)
// oxlint-disable-next-line typescript/unbound-method -- called with a receiver
const dateTime: () => unknown = Date.prototype.getTime

function getterOf(prototype: object, key: PropertyKey): () => unknown {
  // oxlint-disable-next-line typescript/unbound-method -- called with a receiver
  return Object.getOwnPropertyDescriptor(prototype, key)!.get!
}

function answers(method: () => unknown, value: object): boolean {
  try {
    method.call(value)
    return true
  } catch {
    return false // A Proxy, or something that only looks the part.
  }
}

/**
 * Whether this is `Object.prototype` of any realm. Only that has no prototype and knows
 * `isPrototypeOf`.
 */
function isObjectPrototype(prototype: object | null): boolean {
  if (prototype === null) return false
  if (prototype === Object.prototype) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}
