/**
 * What arrived on one lane and is not processed yet: batches as they came, decoded only when their turn comes, so that what is
 * held is what was counted.
 *
 * Messages are delivered in order. A handler that returns a promise suspends the lane until it settles: the batch's credit
 * stays out, the sender runs out of it, and nothing grows here.
 */
import type { Clock } from './clock.ts'
import type { Carrier, Payload } from './carrier.ts'
import { Fifo } from './fifo.ts'
import { laneName } from './lane.ts'
import type { LaneIndex } from './lane.ts'
import { MESSAGES_PER_CLOCK_LOOK } from './limits.ts'
import type { RunOutcome, Runnable } from './runner.ts'

/** What an {@link InLane} needs of its channel. */
export interface InLaneOwner<M> {
  readonly clock: Clock
  readonly carrier: Carrier<M>
  /** Processes one message; a promise suspends the lane until it settles. Must not throw. */
  deliver(message: M): PromiseLike<unknown> | undefined
  handleProcessed(lane: LaneIndex, cost: number): void
  handleBroken(problem: string): void
  describe(): string
}

interface Batch<M> {
  readonly payload: Payload<M>
  readonly cost: number
}

export class InLane<M> implements Runnable {
  readonly priority: LaneIndex
  messagesReceived = 0
  readonly #owner: InLaneOwner<M>
  readonly #batches = new Fifo<Batch<M>>()
  /** The batch being processed, decoded; the array is kept for the next. */
  readonly #messages: M[] = []
  #next = 0
  #cost = 0
  #isClosed = false

  constructor(lane: LaneIndex, owner: InLaneOwner<M>) {
    this.priority = lane
    this.#owner = owner
  }

  /** Whether all that arrived is processed. */
  get isEmpty(): boolean {
    return this.#cost === 0 && this.#batches.size === 0
  }

  push(payload: Payload<M>, cost: number): void {
    this.#batches.push({ payload, cost })
  }

  /** Drops the oldest batch that was not begun; returns its cost, 0 when there is none. */
  dropOldest(): number {
    return this.#batches.take()?.cost ?? 0
  }

  run(until: number): RunOutcome {
    const messages = this.#messages
    const owner = this.#owner
    let sinceLook = 0
    do {
      while (this.#next < messages.length) {
        const message = messages[this.#next] as M
        this.#next += 1
        const waiting = owner.deliver(message)
        if (this.#isClosed) return 'done'
        if (waiting !== undefined) return waiting
        sinceLook += 1
        if (sinceLook === MESSAGES_PER_CLOCK_LOOK) {
          sinceLook = 0
          if (owner.clock.now() >= until) return 'more'
        }
      }
    } while (this.#decodeNext())
    return 'done'
  }

  close(): void {
    this.#isClosed = true
    this.#batches.clear()
    this.#messages.length = 0
    this.#cost = 0
  }

  describe(): string {
    return `${laneName(this.priority)} lane of ${this.#owner.describe()}`
  }

  /** Ends the batch that was processed and decodes the next. */
  #decodeNext(): boolean {
    this.#messages.length = 0
    this.#next = 0
    const cost = this.#cost
    this.#cost = 0
    if (cost > 0) this.#owner.handleProcessed(this.priority, cost)
    const batch = this.#isClosed ? undefined : this.#batches.take()
    if (batch === undefined) return false
    this.#cost = batch.cost
    const problem = this.#owner.carrier.decode(batch.payload, this.#messages)
    if (problem !== undefined) {
      this.#messages.length = 0
      this.#owner.handleBroken(problem)
      return false
    }
    this.messagesReceived += this.#messages.length
    return true
  }
}
