/** A call that came from another node: its outcome goes back as a message. */
import type { CallNumber, CallOrigin } from '@epicserver/kernel'
import type { OperationDescription } from '../model/class-description.ts'
import { EntityCall, type CallHome } from '../node/entity-call.ts'
import type { BatchWriter } from './peer-link.ts'
import { FAILURE, REFUSAL, writeFailure, writeResult } from './peer-messages.ts'
import type { RefObject } from '../model/ref.ts'

/** What a call from elsewhere brings along besides its arguments. */
export interface PeerCallOptions extends CallOrigin {
  readonly callId: number
  readonly isOneWay: boolean
  readonly deadlineAt: number
  readonly number: CallNumber | null
  readonly trace: string | null
}

export class PeerCall extends EntityCall {
  readonly #callId: number
  readonly #isOneWay: boolean
  readonly #answers: BatchWriter

  constructor(
    home: CallHome,
    ref: RefObject,
    operation: OperationDescription,
    args: readonly unknown[],
    answers: BatchWriter,
    options: PeerCallOptions,
  ) {
    super(home, ref, operation, args, null, options)
    this.#callId = options.callId
    this.#isOneWay = options.isOneWay
    this.#answers = answers
    this.deadlineAt = options.deadlineAt
    this.number = options.number
    this.trace = options.trace
  }

  override succeed(value: unknown): void {
    if (this.settled) return
    this.settled = true
    if (!this.#isOneWay)
      writeResult(
        this.#answers.lane(this.operation.priority),
        this.#callId,
        value,
        `${this.operation.name} of "${this.ref.toString()}"`,
      )
  }

  override reject(error: unknown): void {
    this.#settleWith(error, FAILURE)
  }

  /** Where the call goes next is for the node to say that made it. */
  override fail(error: unknown): void {
    this.#settleWith(error, REFUSAL)
  }

  #settleWith(error: unknown, kind: typeof FAILURE | typeof REFUSAL): void {
    if (this.settled) return
    this.settled = true
    if (!this.#isOneWay)
      writeFailure(this.#answers.lane(this.operation.priority), this.#callId, error, kind)
  }
}
