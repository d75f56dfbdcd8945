/**
 * Calls that may run now, in three lanes.
 *
 * Higher lanes go first, but of every sixteen turns one is offered to the low lane first and one to
 * the normal lane, so that a flood in any lanes slows the others and never stops them. Within a
 * lane: first come, first served, which is what keeps the calls of one pair of entities in order.
 */
import type { Activation } from './activation.ts'
import type { Call } from './call.ts'
import { Fifo } from './fifo.ts'
import type { Priority } from './plan.ts'

const ROUND = 16
const LOW_TURN = 0
const NORMAL_TURN = 8

export class RunQueue {
  readonly #high = new Fifo<Call>()
  readonly #normal = new Fifo<Call>()
  readonly #low = new Fifo<Call>()
  #turn = 0

  get size(): number {
    return this.#high.size + this.#normal.size + this.#low.size
  }

  push(call: Call): void {
    this.#lane(call.operation.priority).push(call)
  }

  take(): Call | undefined {
    const turn = (this.#turn + 1) & (ROUND - 1)
    this.#turn = turn
    if (turn === LOW_TURN && this.#low.size > 0) return this.#low.take()
    const isOffered = turn === LOW_TURN || turn === NORMAL_TURN || this.#high.size === 0
    if (isOffered && this.#normal.size > 0) return this.#normal.take()
    return this.#high.take() ?? this.#low.take()
  }

  /** Takes out the calls of one entity: lane by lane, in order within each. */
  takeAllOf(activation: Activation): Call[] {
    const isMeant = (call: Call): boolean => call.activation === activation
    return [
      ...this.#high.takeAll(isMeant),
      ...this.#normal.takeAll(isMeant),
      ...this.#low.takeAll(isMeant),
    ]
  }

  *[Symbol.iterator](): Generator<Call, void> {
    yield* this.#high
    yield* this.#normal
    yield* this.#low
  }

  #lane(priority: Priority): Fifo<Call> {
    if (priority === 'normal') return this.#normal
    return priority === 'high' ? this.#high : this.#low
  }
}
