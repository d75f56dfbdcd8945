/** A queue over a ring that doubles when full: taking costs the same however long it is. */
export class Fifo<T> {
  #ring: (T | undefined)[] = []
  #head = 0
  size = 0

  push(item: T): void {
    if (this.size === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.size) & (this.#ring.length - 1)] = item
    this.size += 1
  }

  /** The one that {@link Fifo.take} takes next. */
  get first(): T | undefined {
    return this.size === 0 ? undefined : this.#ring[this.#head]
  }

  take(): T | undefined {
    if (this.size === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.size -= 1
    return item
  }

  clear(): void {
    this.#ring = []
    this.#head = 0
    this.size = 0
  }

  #grow(): void {
    const old = this.#ring
    const ring = new Array<T | undefined>(Math.max(4, old.length * 2)).fill(undefined)
    for (let i = 0; i < this.size; i += 1) ring[i] = old[(this.#head + i) & (old.length - 1)]
    this.#ring = ring
    this.#head = 0
  }
}
