/**
 * A one-way message of this node that has come back from another, since its entity was not there.
 *
 * Who sent it is not known any more. So as long as it has not begun, here or at another node, no confirmation counts
 * (`confirmations.ts`).
 */
import type { OperationDescription } from '../model/class-description.ts'
import type { RefObject } from '../model/ref.ts'
import { UnawaitedCall, type CallHome } from '../node/entity-call.ts'

/** What is told of returned messages. */
export interface ReturnedMessages {
  handleReturned(message: ReturnedMessage): void
  /** It has begun here, or failed, or is on its way again. */
  handleGone(message: ReturnedMessage): void
}

export interface ReturnedMessageParts {
  readonly home: CallHome
  readonly ref: RefObject
  readonly operation: OperationDescription
  readonly args: readonly unknown[]
  readonly report: (error: unknown, call: UnawaitedCall) => void
}

export class ReturnedMessage extends UnawaitedCall {
  readonly #messages: ReturnedMessages

  constructor(
    { home, ref, operation, args, report }: ReturnedMessageParts,
    messages: ReturnedMessages,
  ) {
    super(home, ref, operation, args, null, report)
    this.#messages = messages
    messages.handleReturned(this)
  }

  override handleUnderWay(): void {
    this.#messages.handleGone(this)
  }

  override succeed(value: unknown): void {
    super.succeed(value)
    this.#messages.handleGone(this)
  }

  override reject(error: unknown): void {
    super.reject(error)
    this.#messages.handleGone(this)
  }
}
