// The entity of all our benches: a counter that is kept in memory, and one that is saved.

import { Entity, settings, type EntityClasses } from '@epicserver/runtime'

class Counter extends Entity {
  static override settings = settings<Counter>({ persistent: false })
  count = 0

  async increment(by: number): Promise<number> {
    this.count += by
    return this.count
  }
}

class SavedCounter extends Entity {
  count = 0

  async increment(by: number): Promise<number> {
    this.count += by
    return this.count
  }

  async read(): Promise<number> {
    return this.count
  }
}

export const entities = { Counter, SavedCounter } satisfies EntityClasses
