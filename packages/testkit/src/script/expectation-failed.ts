/** A script that did not go as expected. */
import { AssertionError } from 'node:assert'

/** What is thrown by an expectation that is not met; its message says what came instead. */
export class ExpectationFailed extends AssertionError {
  constructor(
    message: string,
    compared?: { readonly expected: unknown; readonly actual: unknown },
  ) {
    super({ message, ...compared })
    this.name = 'ExpectationFailed'
  }
}
