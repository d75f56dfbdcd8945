/**
 * Calls that may run now, in three lanes.
 *
 * Higher lanes go first, but every sixteenth turn is offered to the lowest lane that has one, so that a flood of urgent calls
 * slows the others and never stops them. Within a lane: first come, first served, which is what keeps the calls of one pair
 * of entities in order.
 */
import type { Call } from './call.ts'
import type { Priority } from './plan.ts'

const LOW_TURN_EVERY = 16

export class RunQueue {
  readonly #high = new Fifo()
  readonly #normal = new Fifo()
  readonly #low = new Fifo()
  #taken = 0

  get size(): number {
    return this.#high.size + this.#normal.size + this.#low.size
  }

  push(call: Call): void {
    this.#lane(call.operation.priority).push(call)
  }

  take(): Call | undefined {
    this.#taken += 1
    if (this.#taken % LOW_TURN_EVERY === 0) {
      return this.#low.take() ?? this.#normal.take() ?? this.#high.take()
    }
    return this.#high.take() ?? this.#normal.take() ?? this.#low.take()
  }

  #lane(priority: Priority): Fifo {
    if (priority === 'normal') return this.#normal
    return priority === 'high' ? this.#high : this.#low
  }
}

/** A queue over a ring that doubles when full: no allocation while it is busy. */
class Fifo {
  #ring: (Call | undefined)[] = new Array<Call | undefined>(64).fill(undefined)
  #head = 0
  size = 0

  push(call: Call): void {
    if (this.size === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.size) & (this.#ring.length - 1)] = call
    this.size += 1
  }

  take(): Call | undefined {
    if (this.size === 0) return undefined
    const call = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.size -= 1
    return call
  }

  #grow(): void {
    const old = this.#ring
    const ring = new Array<Call | undefined>(old.length * 2).fill(undefined)
    for (let i = 0; i < this.size; i += 1) ring[i] = old[(this.#head + i) & (old.length - 1)]
    this.#ring = ring
    this.#head = 0
  }
}
