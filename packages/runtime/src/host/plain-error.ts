/** An error as data, for whoever is another process of this machine: what it says, and what to do about it. */
import { isEpicError, remedyFor } from '@epicserver/contracts'
import type { PlainError } from './supervisor-messages.ts'

export function plainError(error: unknown): PlainError {
  if (isEpicError(error)) {
    const { name, message, code, retry } = error
    return { name, message, code, retry, remedy: remedyFor(error) }
  }
  return error instanceof Error
    ? { name: error.name, message: error.message }
    : { name: 'Thrown', message: String(error) }
}
