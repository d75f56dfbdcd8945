/** Counters that answer with what they count: by that alone an outsider can tell whether they behave as one thing in one place. */
import { Entity, settings } from 'epicserver'

/** Longer than it takes to hand a partition over, shorter than one waits for a turn to end. */
const SLOW_MS_MAX = 300

/** Saved with every answer. */
export class Counter extends Entity {
  static override settings = settings<Counter>({ operations: { addOnce: { idempotent: true } } })

  count = 0

  async add(): Promise<number> {
    this.count += 1
    return this.count
  }

  /** The same, repeated by the runtime after an outcome that nobody knows. */
  async addOnce(): Promise<number> {
    return this.add()
  }

  /** Takes a while, so that whatever happens to the entity may happen in the middle. */
  async addSlowly(): Promise<number> {
    await this.sleep(this.random() * SLOW_MS_MAX)
    return this.add()
  }

  async read(): Promise<number> {
    return this.count
  }
}

/** In memory only: nothing but leases, views and moves keeps it from living twice. Its timer must not stop when it moves. */
export class Memory extends Entity {
  static override settings = settings<Memory>({ persistent: false })

  ticks = 0

  async onActivate(): Promise<void> {
    this.timer.set('tick', 'tick', { intervalMs: 500 })
  }

  async tick(): Promise<void> {
    this.ticks += 1
  }

  async read(): Promise<number> {
    return this.ticks
  }
}

/** Wakes itself by a durable task, and counts how often each of them fired. */
export class Guard extends Entity {
  /** Atomic, so that what it changes is saved together with the end of its task: then it counts once. */
  static override settings = settings<Guard>({ operations: { walk: { atomic: true } } })

  rounds = new Map<string, number>()

  async plan(round: string, afterMs: number): Promise<void> {
    this.task.set(round, { operation: 'walk', at: this.now() + afterMs, args: [round] })
  }

  async walk(round: string): Promise<void> {
    this.rounds.set(round, (this.rounds.get(round) ?? 0) + 1)
  }

  async read(): Promise<ReadonlyMap<string, number>> {
    return new Map(this.rounds)
  }
}
