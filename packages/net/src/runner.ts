/**
 * A runner drives runnables: it is where messages that were received are processed.
 *
 * Receiving is separate from processing. Whoever receives something puts it away and wakes a runnable; the runner gives the
 * ready ones turns, most urgent first, and stops after a few milliseconds so that sockets are read and heartbeats answered
 * however much there is to do. A runnable that returns a promise is suspended until it settles, and only it.
 *
 * Policies: a *standalone* runnable depends on nobody. Runnables of one *group* never run at once, not even across their
 * promises: while one of them waits, the others of its group wait too. That is what several channels that change one thing
 * want.
 *
 * What it does not do: threads. A turn that blocks, blocks the process; the runner checks the time between turns, and
 * runnables are asked to check it between pieces of work.
 *
 * The states are a table in `run-state.ts`.
 */
import assert from 'node:assert'
import { afterInputOn, systemClock } from './clock.ts'
import type { Clock } from './clock.ts'
import { Fifo } from './fifo.ts'
import { DRAIN_MS, TURN_MS } from './limits.ts'
import { RUN_TRANSITIONS } from './run-state.ts'
import type { RunEvent, RunState } from './run-state.ts'

/** How a turn ended: with more to do, with nothing to do, or with something to wait for. */
export type RunOutcome = 'more' | 'done' | PromiseLike<unknown>

/** Something with work to do now and then. */
export interface Runnable {
  /** 0 is most urgent, 4 least; 2 when missing. */
  readonly priority?: number
  /** Works until there is nothing to do or `until` is past (by the runner's clock). Must not throw. */
  run(until: number): RunOutcome
  describe(): string
}

/** How a runnable is driven: on its own, or never at once with others of its group. */
export type RunPolicy = 'standalone' | { readonly group: string }

/** What a {@link Runner} is made with. */
export interface RunnerOptions {
  readonly clock?: Clock
  /** Told of what a runnable threw or rejected with; without it the process is told, as of any uncaught error. */
  readonly onFault?: (error: unknown, runnable: Runnable) => void
}

const PRIORITIES = 5
const USUAL_PRIORITY = 2

/** As in the kernel: a flood of urgent work slows the rest and never stops it. */
const LOWEST_EVERY = 16

/**
 * Drives runnables.
 * @example
 * const runner = new Runner()
 * const run = runner.add({ run: () => 'done', describe: () => 'sweeper' }, { group: 'rooms' })
 * run.wake()
 */
export class Runner {
  readonly #clock: Clock
  readonly #onFault: (error: unknown, runnable: Runnable) => void
  readonly #afterInput: (fn: () => void) => void
  readonly #queues: readonly Fifo<Run>[] = Array.from({ length: PRIORITIES }, () => new Fifo<Run>())
  readonly #groups = new Map<string, Group>()
  #readyCount = 0
  #runCount = 0
  #turns = 0
  #isDraining = false
  #isScheduled = false
  #receivers = 0

  constructor(options: RunnerOptions = {}) {
    this.#clock = options.clock ?? systemClock
    this.#onFault = options.onFault ?? throwLater
    this.#afterInput = afterInputOn(this.#clock)
  }

  /** Takes a runnable in; it is suspended until it is woken. */
  add(runnable: Runnable, policy: RunPolicy = 'standalone'): Run {
    this.#runCount += 1
    const group = policy === 'standalone' ? null : this.#groupOf(policy.group)
    return new Run(this, runnable, group)
  }

  /** How many runnables wait for their turn. */
  get readyCount(): number {
    return this.#readyCount
  }

  /** Between this and {@link Runner.endReceiving}, waking schedules nothing: the turns come right at the end. */
  beginReceiving(): void {
    this.#receivers += 1
  }

  endReceiving(): void {
    this.#receivers -= 1
    if (this.#receivers === 0) this.drain()
  }

  /** Gives turns until nothing is ready or the time is up; what is left goes on after I/O had its turn. */
  drain(): void {
    if (this.#isDraining || this.#readyCount === 0) return
    this.#isDraining = true
    let now = this.#clock.now()
    const end = now + DRAIN_MS
    try {
      while (now < end) {
        const run = this.#take()
        if (run === undefined) break
        this.#turn(run, now + TURN_MS)
        if (this.#readyCount === 0) break
        now = this.#clock.now()
      }
    } finally {
      this.#isDraining = false
    }
    if (this.#readyCount > 0) this.#schedule()
  }

  describe(): string {
    return `runner of ${this.#runCount}, ${this.#readyCount} ready`
  }

  /** Called by a {@link Run} that became ready. */
  enqueue(run: Run): void {
    if (!run.isQueued) {
      run.isQueued = true
      this.#queueOf(run).push(run)
      this.#readyCount += 1
    }
    if (!this.#isDraining && this.#receivers === 0) this.#schedule()
  }

  /** Called by a {@link Run} that left. */
  handleRemoved(run: Run): void {
    this.#runCount -= 1
    if (run.group === null) return
    run.group.memberCount -= 1
    if (run.group.memberCount === 0) this.#groups.delete(run.group.name)
  }

  #turn(run: Run, until: number): void {
    const group = run.group
    if (group !== null) {
      if (group.busyWith !== null && group.busyWith !== run) {
        run.isQueued = true
        group.waiting.push(run)
        return
      }
      group.busyWith = run
    }
    run.start()
    const outcome = this.#outcomeOf(run, until)
    if (typeof outcome === 'string') {
      if (group !== null) this.#freeGroup(group)
      run.end(outcome === 'more')
      return
    }
    run.hold()
    run.end(true)
    const settle = (): void => {
      if (group !== null) this.#freeGroup(group)
      run.release()
    }
    outcome.then(settle, (error: unknown) => {
      this.#onFault(error, run.runnable)
      settle()
    })
  }

  #outcomeOf(run: Run, until: number): RunOutcome {
    try {
      return run.runnable.run(until)
    } catch (error) {
      this.#onFault(error, run.runnable)
      return 'more'
    }
  }

  #freeGroup(group: Group): void {
    group.busyWith = null
    for (let next = group.waiting.take(); next !== undefined; next = group.waiting.take()) {
      next.isQueued = false
      if (next.state === 'ready') this.enqueue(next)
    }
  }

  /** The next that is still ready: one that was held or removed meanwhile stays in its queue until it is met here. */
  #take(): Run | undefined {
    this.#turns += 1
    const lowestFirst = this.#turns % LOWEST_EVERY === 0
    for (let i = 0; i < PRIORITIES; i += 1) {
      const queue = this.#queues[lowestFirst ? PRIORITIES - 1 - i : i] as Fifo<Run>
      for (let run = queue.take(); run !== undefined; run = queue.take()) {
        this.#readyCount -= 1
        run.isQueued = false
        if (run.state === 'ready') return run
      }
    }
    return undefined
  }

  #queueOf(run: Run): Fifo<Run> {
    const priority = run.runnable.priority ?? USUAL_PRIORITY
    return this.#queues[Math.min(Math.max(priority, 0), PRIORITIES - 1)] as Fifo<Run>
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#afterInput(() => {
      this.#isScheduled = false
      this.drain()
    })
  }

  #groupOf(name: string): Group {
    const group = this.#groups.get(name) ?? {
      name,
      memberCount: 0,
      busyWith: null,
      waiting: new Fifo(),
    }
    this.#groups.set(name, group)
    group.memberCount += 1
    return group
  }
}

/** A runnable in the hands of a runner. */
export class Run {
  readonly runnable: Runnable
  /** For the runner: its group. */
  readonly group: Group | null
  /** For the runner: whether it stands in a queue, which it may while it is held. */
  isQueued = false
  readonly #runner: Runner
  #state: RunState = 'suspended'
  #holds = 0
  #isWanted = false
  #isRemoved = false

  constructor(runner: Runner, runnable: Runnable, group: Group | null) {
    this.#runner = runner
    this.runnable = runnable
    this.group = group
  }

  get state(): RunState {
    return this.#state
  }

  /** Says that there is something to do. */
  wake(): void {
    if (this.#isRemoved) return
    this.#isWanted = true
    if (this.#holds === 0) this.#handle('wake')
  }

  /** Suspends it until {@link Run.release} was called as often. A turn that is running ends first. */
  hold(): void {
    this.#holds += 1
    if (this.#holds === 1) this.#handle('hold')
  }

  release(): void {
    assert(this.#holds > 0, 'a runnable is released more often than it was held')
    this.#holds -= 1
    if (this.#holds === 0 && this.#isWanted && !this.#isRemoved) this.#handle('release')
  }

  /** Takes it out for good. */
  remove(): void {
    if (this.#isRemoved) return
    this.#isRemoved = true
    this.hold()
    this.#runner.handleRemoved(this)
  }

  describe(): string {
    return `${this.runnable.describe()}, ${this.#state}`
  }

  /** For the runner: its turn begins. */
  start(): void {
    this.#isWanted = false
    this.#handle('start')
  }

  /** For the runner: its turn is over. */
  end(hasMore: boolean): void {
    if (hasMore) this.#isWanted = true
    const goesOn = this.#isWanted && this.#holds === 0 && !this.#isRemoved
    this.#handle(goesOn ? 'yield' : 'finish')
  }

  #handle(event: RunEvent): void {
    const before = this.#state
    const after = RUN_TRANSITIONS[before][event]
    assert(after !== undefined, `a runnable that is ${before} cannot ${event}`)
    this.#state = after
    if (after === 'ready' && before !== 'ready') this.#runner.enqueue(this)
  }
}

interface Group {
  readonly name: string
  memberCount: number
  busyWith: Run | null
  readonly waiting: Fifo<Run>
}

function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
