// The app of the benches `move`, `drain` and `join`: entities that are moved, and drivers that call them without a pause meanwhile.

import { defineApp, Entity, settings } from '@epicserver/runtime'

/** What a driver saw in one go. */
export interface Driven {
  readonly made: number
  readonly failed: number
  /** What calls took, in milliseconds: of one in so many. */
  readonly tookMs: readonly number[]
}

const SAMPLED = 4
const IN_ONE_GO = 1_000

/** Between two calls of one that calls: what is asked is how long calls wait, not how many there can be. */
const PAUSE_MS = 4

export class Walker extends Entity {
  count = 0

  async add(): Promise<void> {
    this.count += 1
  }

  async total(): Promise<number> {
    return this.count
  }
}

/** The same, in memory only: its state lives nowhere else. */
export class Ghost extends Entity {
  static override settings = settings<Ghost>({ persistent: false })
  count = 0

  async add(): Promise<void> {
    this.count += 1
  }

  async total(): Promise<number> {
    return this.count
  }
}

export class Driver extends Entity {
  static override settings = settings<Driver>({ persistent: false })

  /** Calls entities of a kind for so long, with so many calls in flight. */
  async drive(
    kind: 'Walker' | 'Ghost',
    many: number,
    ms: number,
    inFlight: number,
  ): Promise<Driven> {
    const until = performance.now() + ms
    const seen = { made: 0, failed: 0, tookMs: [] as number[] }
    await Promise.all(
      Array.from({ length: inFlight }, () => this.#callOn({ kind, many, until, seen })),
    )
    return seen
  }

  /** Makes some entities, each with one call. */
  async make(kind: 'Walker' | 'Ghost', from: number, count: number): Promise<void> {
    await this.sum(kind, from, count)
  }

  async sum(kind: 'Walker' | 'Ghost', from: number, count: number): Promise<number> {
    let sum = 0
    for (let first = from; first < from + count; first += IN_ONE_GO) {
      const many = Math.min(IN_ONE_GO, from + count - first)
      const ids = Array.from({ length: many }, (_, i) => first + i)
      const totals = await Promise.all(ids.map((id) => this.#target(kind, id).total()))
      sum += totals.reduce((subtotal, total) => subtotal + total, 0)
    }
    return sum
  }

  async #callOn({
    kind,
    many,
    until,
    seen,
  }: {
    kind: 'Walker' | 'Ghost'
    many: number
    until: number
    seen: { made: number; failed: number; tookMs: number[] }
  }): Promise<void> {
    for (let startedAt = performance.now(); startedAt < until; startedAt = performance.now()) {
      const isDone = await this.#target(kind, Math.floor(this.random() * many))
        .add()
        .then(
          () => true,
          (error: unknown) => {
            console.error(error)
            return false
          },
        )
      if (isDone) seen.made += 1
      else seen.failed += 1
      if (seen.made % SAMPLED === 0) seen.tookMs.push(performance.now() - startedAt)
      await this.sleep(PAUSE_MS)
    }
  }

  #target(
    kind: 'Walker' | 'Ghost',
    id: number,
  ): { add(): Promise<void>; total(): Promise<number> } {
    return kind === 'Walker' ? this.ref(Walker, id) : this.ref(Ghost, id)
  }
}

export default defineApp({ entities: { Walker, Ghost, Driver } })
