/** Virtual time: what is to happen, earliest first, and in the order of asking where the instants are equal. */

interface Entry {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** A binary heap of things to do. */
export class Schedule {
  readonly #heap: Entry[] = []
  #now = 0
  #order = 0

  /** True time, in milliseconds since the world began. */
  get now(): number {
    return this.#now
  }

  after(delayMs: number, run: () => void): void {
    this.#order += 1
    this.#heap.push({ at: this.#now + Math.max(0, delayMs), order: this.#order, run })
    this.#up(this.#heap.length - 1)
  }

  /** Does the next thing; says whether there was one before `untilMs`. */
  step(untilMs: number): boolean {
    const first = this.#heap[0]
    if (first === undefined || first.at > untilMs) return false
    const last = this.#heap.pop()
    if (last !== undefined && this.#heap.length > 0) {
      this.#heap[0] = last
      this.#down(0)
    }
    this.#now = first.at
    first.run()
    return true
  }

  #up(from: number): void {
    let i = from
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!this.#swapIfEarlier(i, parent)) return
      i = parent
    }
  }

  #down(from: number): void {
    let i = from
    for (;;) {
      const left = 2 * i + 1
      const right = left + 1
      const earlier = this.#isEarlier(right, left) ? right : left
      if (!this.#swapIfEarlier(earlier, i)) return
      i = earlier
    }
  }

  #isEarlier(a: number, b: number): boolean {
    const x = this.#heap[a]
    const y = this.#heap[b]
    if (x === undefined || y === undefined) return false
    return x.at < y.at || (x.at === y.at && x.order < y.order)
  }

  #swapIfEarlier(a: number, b: number): boolean {
    if (!this.#isEarlier(a, b)) return false
    const held = this.#heap[a] as Entry
    this.#heap[a] = this.#heap[b] as Entry
    this.#heap[b] = held
    return true
  }
}
