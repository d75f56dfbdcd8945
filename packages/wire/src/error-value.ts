/**
 * Errors as values: how one that came from elsewhere is made again.
 *
 * It becomes a real error, of JavaScript's own class where its name is one, and otherwise an
 * `Error` that bears the name. It gets no stack of its own: that would tell of this decoder, and
 * capturing one costs ten times the rest.
 */
import { EpicError, isErrorCode } from '@epicserver/contracts'
import type { Retry } from '@epicserver/contracts'

/** An error whose remaining fields are set once they are read: they may refer to it. */
export interface OpenError extends Error {
  code?: unknown
  data?: unknown
  retry?: unknown
  details?: unknown
}

/** What is known of an EpicError before its details. */
export interface EpicErrorParts {
  readonly name: string
  readonly message: string
  readonly retry: string
  readonly code: string
}

const CLASSES: ReadonlyMap<string, new (message: string) => Error> = new Map([
  ['EvalError', EvalError],
  ['RangeError', RangeError],
  ['ReferenceError', ReferenceError],
  ['SyntaxError', SyntaxError],
  ['TypeError', TypeError],
  ['URIError', URIError],
])

/** Makes an error again by name and message. */
export function createError(name: string, message: string): OpenError {
  const Class = CLASSES.get(name) ?? Error
  const error = withoutStack(() => new Class(message))
  if (error.name !== name) {
    Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  }
  return error
}

/**
 * Makes an EpicError again. One with a code that only newer nodes know becomes an Error with the
 * same fields.
 */
export function createEpicError({ name, message, retry, code }: EpicErrorParts): OpenError {
  if (isErrorCode(code) && isRetry(retry))
    return withoutStack(() => new EpicError(code, message, { retry }))
  return Object.assign(createError(name, message), { code, retry })
}

function isRetry(retry: string): retry is Retry {
  return retry === 'never' || retry === 'safe' || retry === 'unknown'
}

/**
 * V8 captures as many frames as `Error.stackTraceLimit` says; elsewhere setting it does nothing.
 */
function withoutStack<T>(make: () => T): T {
  const settings = Error as { stackTraceLimit?: unknown }
  const limit = settings.stackTraceLimit
  Reflect.set(settings, 'stackTraceLimit', 0)
  try {
    return make()
  } finally {
    Reflect.set(settings, 'stackTraceLimit', limit)
  }
}
