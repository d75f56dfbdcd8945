// The app of the bench `restart`: counters that are saved, and one that fills the store with them.

import { defineApp, Entity, settings } from '@epicserver/runtime'

export class Counter extends Entity {
  count = 0

  async add(): Promise<void> {
    this.count += 1
  }

  /** What is saved, and the process that read it. */
  async read(): Promise<{ readonly count: number; readonly pid: number }> {
    return { count: this.count, pid: process.pid }
  }
}

export class Filler extends Entity {
  static override settings = settings<Filler>({ persistent: false })

  /** Adds one to each of the counters from `from` on. */
  async fill(from: number, count: number): Promise<void> {
    await Promise.all(
      Array.from({ length: count }, (_, index) => this.ref(Counter, from + index).add()),
    )
  }
}

export default defineApp({ entities: { Counter, Filler } })
