/**
 * In development: checks that a message could cross a process, and freezes what was handed over.
 *
 * Between entities of one process nothing is copied. A program that works that way by accident, because both sides share an
 * object or pass a function, would break on the day an entity lives elsewhere. So in development what crosses is checked as the
 * wire would check it, and frozen, so that a later change throws where it is made. In production messages are not touched.
 */
import { EpicError } from '@epicserver/contracts'
import { isRef } from '../model/ref.ts'

/** @throws EpicError `CannotCross`, naming the path of what cannot. */
export function guardMessage(value: unknown, what: string): void {
  if (isPlain(value)) return
  guard(value, what, new Set())
}

function isPlain(value: unknown): boolean {
  switch (typeof value) {
    case 'object':
      return value === null
    case 'function':
    case 'symbol':
      return false
    default:
      return true
  }
}

function guard(value: unknown, path: string, seen: Set<object>): void {
  if (isPlain(value) || isRef(value)) return
  if (typeof value !== 'object' || value === null) throw cannotCross(path, typeof value)
  if (seen.has(value)) return
  seen.add(value)
  if (Array.isArray(value)) {
    value.forEach((item, index) => guard(item, `${path}[${index}]`, seen))
  } else if (value instanceof Map) {
    for (const [key, item] of value) {
      guard(key, `${path}.key`, seen)
      guard(item, `${path}.get(${String(key)})`, seen)
    }
  } else if (value instanceof Set) {
    for (const item of value) guard(item, `${path}.member`, seen)
  } else if (!isLeaf(value)) {
    const prototype = Object.getPrototypeOf(value) as object | null
    if (prototype !== Object.prototype && prototype !== null) {
      throw cannotCross(path, `an object of class ${prototype.constructor?.name ?? 'unknown'}`)
    }
    for (const [key, item] of Object.entries(value)) guard(item, `${path}.${key}`, seen)
  }
  if (!ArrayBuffer.isView(value) && !(value instanceof Error)) Object.freeze(value)
}

function isLeaf(value: object): boolean {
  return (
    value instanceof Date ||
    value instanceof ArrayBuffer ||
    value instanceof Error ||
    (ArrayBuffer.isView(value) && !(value instanceof DataView))
  )
}

function cannotCross(path: string, found: string): EpicError {
  return new EpicError(
    'CannotCross',
    `Cannot send a message: ${path} is ${found === 'function' || found === 'symbol' ? `a ${found}` : found}`,
    { details: { path } },
  )
}

/** Adds a hint to the error of someone who changed what was sent. */
export function explainFrozen(error: unknown): void {
  if (!(error instanceof TypeError)) return
  if (!/object is not extensible|read only property|Cannot delete property/.test(error.message))
    return
  if (error.message.includes('structuredClone')) return
  error.message +=
    ' (it was sent in a message, which froze it in development: send a copy, as with structuredClone)'
}
