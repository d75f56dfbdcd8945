/** The app that chaos is done to: counters, one kind that can be asked twice for the same increment and one that cannot. */
import { defineApp, Entity, settings } from 'epicserver'

/** A count, and the process that told it. */
export interface Told {
  readonly count: number
  readonly pid: number
}

abstract class AnyCounter extends Entity {
  count = 0

  async add(): Promise<Told> {
    this.count += 1
    return { count: this.count, pid: process.pid }
  }

  async read(): Promise<Told> {
    return { count: this.count, pid: process.pid }
  }
}

/** An increment that is repeated under its number happens once. */
export class Counter extends AnyCounter {
  static override settings = settings<Counter>({
    operations: { add: { idempotent: true, timeoutMs: 10_000 }, read: { timeoutMs: 10_000 } },
  })
}

/** An increment that is repeated happens again. */
export class PlainCounter extends AnyCounter {
  static override settings = settings<PlainCounter>({
    operations: { add: { timeoutMs: 10_000 }, read: { timeoutMs: 10_000 } },
  })
}

export default defineApp({ entities: { Counter, PlainCounter } })
