/**
 * How many entities a node that sends many away has on their way at a time.
 *
 * What a cluster bears meanwhile depends on its machines, on its entities and on what else goes on; so it is found out. While
 * transfers are quick there are more and more of them. One that was slow says that its nodes have no time to spare, and that
 * calls wait for it as well: then there are half as many, and where one at a time is too many, pauses between them. (So does TCP
 * with what it sends.) Those that had begun before it was noticed say nothing new.
 */

/** Where a node begins: enough that a few entities are gone at once. */
const FIRST = 4

/** Fewer than one: one at a time, with eight times the usual pause. It would take for ever with longer ones. */
const LEAST = 1 / 8

export interface MovePaceOptions {
  readonly atOnceMax: number
  /** A transfer that takes longer is slow. */
  readonly slowMs: number
}

export class MovePace {
  readonly #options: MovePaceOptions
  #atOnce = FIRST
  #slowedAt = -Infinity

  constructor(options: MovePaceOptions) {
    this.#options = options
  }

  get atOnce(): number {
    return Math.max(1, Math.floor(this.#atOnce))
  }

  /** How many times the usual pause there is before the next begin. */
  get stretch(): number {
    return Math.max(1, 1 / this.#atOnce)
  }

  /** An entity that began to move at an instant has moved. */
  handleMoved(
    { begunAt, transferMs }: { readonly begunAt: number; readonly transferMs: number },
    now: number,
  ): void {
    const { atOnceMax, slowMs } = this.#options
    if (transferMs <= slowMs) {
      const more = this.#atOnce < 1 ? this.#atOnce / 4 : 1 / this.#atOnce
      this.#atOnce = Math.min(atOnceMax, this.#atOnce + more)
    } else if (begunAt > this.#slowedAt) {
      this.#atOnce = Math.max(LEAST, this.#atOnce / 2)
      this.#slowedAt = now
    }
  }
}
