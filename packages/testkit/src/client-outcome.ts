/** What an outside client knows of a call: it was done, certainly not done, or nobody can say. */
import { isEpicError } from '@epicserver/contracts'

/** How a call from outside of the simulated cluster ended. */
export type ClientOutcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  /** An error that the operation threw, or one that says that it did not run. */
  | { readonly kind: 'failed'; readonly error: unknown }
  /** The process died, or the answer says that it cannot tell. */
  | { readonly kind: 'unknown'; readonly error: unknown }

/** What an error says of a call. */
export function failedOutcome(error: unknown): ClientOutcome<never> {
  const isUnknown = isEpicError(error) && error.retry === 'unknown'
  return { kind: isUnknown ? 'unknown' : 'failed', error }
}
