/**
 * A queue over a ring that doubles when full: first in, first out, and no allocation while it is
 * busy.
 */

const ROOM_AT_FIRST = 64

export class Fifo<T> {
  #ring: (T | undefined)[] = new Array<T | undefined>(ROOM_AT_FIRST).fill(undefined)
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(item: T): void {
    if (this.#size === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = item
    this.#size += 1
  }

  take(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#size -= 1
    return item
  }

  /** Takes out, in order, all that are meant; the others keep their order. Looks at everything. */
  takeAll(isMeant: (item: T) => boolean): T[] {
    const taken: T[] = []
    for (let left = this.#size; left > 0; left -= 1) {
      const item = this.take() as T
      if (isMeant(item)) taken.push(item)
      else this.push(item)
    }
    return taken
  }

  *[Symbol.iterator](): Generator<T, void> {
    for (let i = 0; i < this.#size; i += 1) {
      yield this.#ring[(this.#head + i) & (this.#ring.length - 1)] as T
    }
  }

  #grow(): void {
    const old = this.#ring
    const ring = new Array<T | undefined>(old.length * 2).fill(undefined)
    for (let i = 0; i < this.#size; i += 1) ring[i] = old[(this.#head + i) & (old.length - 1)]
    this.#ring = ring
    this.#head = 0
  }
}
