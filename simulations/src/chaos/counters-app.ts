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

/** Runs a turn every few milliseconds, and says so past all that guards answers and writes. */
export class Ticker extends Entity {
  static override settings = settings<Ticker>({ persistent: false })

  async start(): Promise<void> {
    this.timer.set('tick', 'tick', { delayMs: TICK_MS, intervalMs: TICK_MS })
  }

  async tick(): Promise<void> {
    console.log(tickLine(process.pid, Date.now()))
  }
}

/** Takes room on the disk. */
export class Hoard extends Entity {
  bytes = new Uint8Array(0)

  async keep(bytes: number): Promise<void> {
    this.bytes = new Uint8Array(bytes).fill(1)
  }
}

const TICK_MS = 10

function tickLine(pid: number, atMs: number): string {
  return `tick ${pid} ${atMs}`
}

/** A turn that a {@link Ticker} told of, read from the app's output. */
export function tickFrom(
  line: string,
): { readonly pid: number; readonly atMs: number } | undefined {
  const [, pid, atMs] = /^tick (\d+) (\d+)$/.exec(line) ?? []
  return pid === undefined ? undefined : { pid: Number(pid), atMs: Number(atMs) }
}

export default defineApp({ entities: { Counter, PlainCounter, Ticker, Hoard } })
