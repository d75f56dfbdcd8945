/** Timers, which live as long as the entity is in memory, and tasks, which outlive everything. */
import { Entity, settings } from 'epicserver'

export class Ticker extends Entity {
  static override settings = settings<Ticker>({ persistent: false })

  ticks = 0

  async onActivate(): Promise<void> {
    this.timer.set('tick', 'tick', { intervalMs: 200 })
  }

  async tick(): Promise<void> {
    this.ticks += 1
  }

  async read(): Promise<number> {
    return this.ticks
  }
}

export class Reminder extends Entity {
  /** Atomic, so that what it changes is saved together with the end of its task: then it counts once. */
  static override settings = settings<Reminder>({ operations: { fire: { atomic: true } } })

  beats = 0
  /** How often each reminder fired. */
  fired = new Map<string, number>()

  async start(): Promise<void> {
    this.task.set('beat', { operation: 'beat', everyMs: 1_000 })
  }

  async beat(): Promise<void> {
    this.beats += 1
  }

  async remind(key: string, afterMs: number): Promise<void> {
    this.task.set(key, { operation: 'fire', at: this.now() + afterMs, args: [key] })
  }

  async fire(key: string): Promise<void> {
    this.fired.set(key, (this.fired.get(key) ?? 0) + 1)
  }

  async read(): Promise<{ beats: number; fired: ReadonlyMap<string, number> }> {
    return { beats: this.beats, fired: new Map(this.fired) }
  }
}
