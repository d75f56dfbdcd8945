/** A node alone over a store in memory, with a clock that the test moves. */
import { MemoryDisk, MemoryStateStore } from '@epicserver/store-memory'
import type { StateStore } from '@epicserver/contracts'
import {
  EntityNode,
  SoloRouter,
  type EntityClasses,
  type LogLevel,
  type NodeClock,
  type Pool,
  type Router,
} from '@epicserver/runtime'

export interface LogLine {
  readonly level: LogLevel
  readonly message: string
  readonly facts: Readonly<Record<string, unknown>>
}

export class ManualClock implements NodeClock {
  #now = 1_000
  #timers: { at: number; order: number; run: (() => void) | null }[] = []
  #order = 0
  readonly wallOriginMs = 1_800_000_000_000

  monotonicMs(): number {
    return this.#now
  }

  wallMs(): number {
    return this.wallOriginMs + this.#now
  }

  setTimer(run: () => void, delayMs: number): { cancel(): void } {
    const timer = { at: this.#now + delayMs, order: this.#order, run: run as (() => void) | null }
    this.#order += 1
    this.#timers.push(timer)
    return {
      cancel: () => {
        timer.run = null
      },
    }
  }

  yield(run: () => void): void {
    setImmediate(run)
  }

  afterTurns(run: () => void): void {
    process.nextTick(run)
  }

  /** What code that does not let go of the thread does: time passes, and nothing else happens. */
  hold(ms: number): void {
    this.#now += ms
  }

  /** Moves time on, timer by timer; all that follows from each has run before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await quiet()
    for (;;) {
      this.#timers = this.#timers.filter((timer) => timer.run !== null)
      const due = this.#timers
        .filter((timer) => timer.at <= end)
        .sort((a, b) => a.at - b.at || a.order - b.order)[0]
      if (due === undefined) break
      this.#now = Math.max(this.#now, due.at)
      const { run } = due
      due.run = null
      run?.()
      await quiet()
    }
    this.#now = end
  }
}

/** Resolves when nothing is left that could run without time passing. */
export async function quiet(): Promise<void> {
  for (let i = 0; i < 4; i += 1) await new Promise<void>((resolve) => setImmediate(resolve))
}

export interface Rig<T extends EntityClasses> {
  readonly node: EntityNode
  readonly pool: Pool<T>
  readonly clock: ManualClock
  readonly disk: MemoryDisk
  readonly log: LogLine[]
}

export interface RigOptions {
  readonly disk?: MemoryDisk
  readonly clock?: ManualClock
  readonly mode?: 'development' | 'production'
  /** Grows with each start over the same disk. */
  readonly epoch?: number
  readonly wrap?: (store: StateStore) => StateStore
  readonly router?: Router
}

export function rig<T extends EntityClasses>(entities: T, options: RigOptions = {}): Rig<T> {
  const {
    disk = new MemoryDisk(),
    clock = new ManualClock(),
    mode = 'development',
    epoch = 1,
  } = options
  const log: LogLine[] = []
  const store = new MemoryStateStore({ disk })
  const node = new EntityNode({
    nodeId: `n${epoch}`,
    entities,
    mode,
    ports: {
      clock,
      random: () => 0.5,
      store: options.wrap?.(store) ?? store,
      router: options.router ?? new SoloRouter(epoch),
      files: { perform: () => Promise.reject(new Error('no files in this test')) },
      log: (level, message, facts) => log.push({ level, message, facts }),
    },
  })
  return { node, pool: node.pool as Pool<T>, clock, disk, log }
}
