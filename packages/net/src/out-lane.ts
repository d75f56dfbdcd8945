/**
 * What waits to be sent on one lane, and the credit that the other side gave for it.
 *
 * A batch may begin while any credit is left, and is then sent whole: the last one may overdraw it. So the other side holds at
 * most its window and one batch, and a message larger than the window still gets through.
 */
import type { Sealed } from './carrier.ts'
import { Fifo } from './fifo.ts'

export class OutLane {
  /** Sealed batches, to be written in order. */
  readonly waiting: Fifo<Sealed> = new Fifo<Sealed>()
  /** What the batches cost that were not begun, and the open one. */
  sealedCost = 0
  openCost = 0
  readonly costMax: number
  #credit: number

  constructor(costMax: number, credit: number) {
    this.costMax = costMax
    this.#credit = credit
  }

  /** What waits on this lane. */
  get cost(): number {
    return this.sealedCost + this.openCost
  }

  get credit(): number {
    return this.#credit
  }

  /** Whether the next piece may be written. */
  get isWritable(): boolean {
    const next = this.waiting.first
    return next !== undefined && (!next.isFirst || this.#credit > 0)
  }

  take(): Sealed | undefined {
    const next = this.waiting.take()
    if (next === undefined) return undefined
    this.sealedCost -= next.cost
    this.#credit -= next.cost
    return next
  }

  /** The other side has processed so much. */
  handleCredit(cost: number): void {
    this.#credit += cost
  }

  clear(): void {
    this.waiting.clear()
    this.sealedCost = 0
    this.openCost = 0
  }
}
