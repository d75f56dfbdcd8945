/**
 * Calls whoever has something to write once, at the end of the tick: what a tick sends leaves in one write. When that is, is
 * the clock's to say.
 */

/** Something that gathers during a tick. */
export interface Flushable {
  flush(): void
}

export class Flusher {
  readonly #defer: (fn: () => void) => void
  #dirty: Flushable[] = []
  #spare: Flushable[] = []
  readonly #run = (): void => this.#flushAll()

  constructor(defer: (fn: () => void) => void) {
    this.#defer = defer
  }

  /** Flushes it at the end of this tick. Whoever calls remembers that it did. */
  mark(flushable: Flushable): void {
    this.#dirty.push(flushable)
    if (this.#dirty.length === 1) this.#defer(this.#run)
  }

  /** Whoever is marked while this runs is flushed at the end of the next tick. */
  #flushAll(): void {
    const now = this.#dirty
    this.#dirty = this.#spare
    for (const flushable of now) flushable.flush()
    now.length = 0
    this.#spare = now
  }
}
