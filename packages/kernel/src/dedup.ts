/**
 * What an entity remembers of idempotent calls, so that one that arrives twice has its effect once.
 *
 * A caller (an incarnation of a node) numbers its calls to this entity upwards, uses no number twice,
 * and never has one in flight that is 64 or more above its lowest unsettled one (`CallerWindow`).
 * Each call carries that lowest number along as `settledBelow`. So per caller a number and at most
 * 64 results are enough: below `settledBelow` nothing will be asked again.
 *
 * | `look` says    | what is known of the call           | what the driver does            |
 * |----------------|-------------------------------------|---------------------------------|
 * | `new`          | nothing                             | `begin`, run it, `end`          |
 * | `{ running }`  | it runs                             | answer both when it ends        |
 * | `{ done }`     | it ran, with this outcome           | answer that, through the gate   |
 * | `interrupted`  | it was running at the last save, and its activation ended | fail it   |
 * | `tooOld`       | its caller has settled it           | leave it: nobody waits          |
 * | `outOfWindow`  | its number is none, or too high     | refuse it: the caller is wrong  |
 *
 * `save` belongs into the same write as the state, always: then the state and what is known of
 * calls go forward and back together, over crashes and moves. A call that runs while a state is
 * saved is saved as begun. Should the activation end before the call does, its effect may be in the
 * state in part, so it is not run again: `interrupted`. A call that never runs across such a moment
 * is simply run again.
 *
 * At most 256 callers are remembered; beyond, those that were silent longest are forgotten, except
 * where a call of theirs runs. A repeat from a forgotten caller would run again; the number is far
 * above that of a cluster's nodes so that it meets incarnations that are gone and repeat nothing.
 */
import { DEDUP_CALLERS_MAX, DEDUP_WINDOW } from './limits.ts'

/** What is known of a call that arrives: see the table above. */
export type Looked<Outcome, Turn> =
  | 'new'
  | 'interrupted'
  | 'tooOld'
  | 'outOfWindow'
  | { readonly done: Outcome }
  | { readonly running: Turn }

/** Which call it is, and what its caller has settled. */
export interface CallNumber {
  readonly caller: string
  readonly seq: number
  readonly settledBelow: number
}

/**
 * One caller as plain data: its name, `settledBelow`, the numbers begun, the numbers done, and
 * their outcomes.
 */
export type SavedCaller<Outcome> = readonly [
  caller: string,
  settledBelow: number,
  begun: readonly number[],
  done: readonly number[],
  outcomes: readonly Outcome[],
]

/** A window as plain data, the caller that was silent longest first. */
export type SavedDedup<Outcome> = readonly SavedCaller<Outcome>[]

/**
 * `Outcome` is what the driver keeps of a result and must be plain data; `Turn` is what a repeat
 * attaches to.
 */
export class DedupWindow<Outcome, Turn> {
  /** The one that was silent longest first. */
  readonly #callers = new Map<string, Caller<Outcome, Turn>>()

  /** A window as it was saved. Calls that were begun then and are not done are interrupted. */
  static restore<Outcome, Turn>(saved: SavedDedup<Outcome>): DedupWindow<Outcome, Turn> {
    const window = new DedupWindow<Outcome, Turn>()
    for (const [name, settledBelow, begun, done, outcomes] of saved) {
      const caller = new Caller<Outcome, Turn>(settledBelow)
      for (const seq of begun) caller.interrupted.add(seq)
      for (const [index, seq] of done.entries()) caller.done.set(seq, outcomes[index] as Outcome)
      window.#callers.set(name, caller)
    }
    return window
  }

  /** How many callers are remembered. */
  get size(): number {
    return this.#callers.size
  }

  /** What is known of a call that arrives. Forgets what its caller has settled. */
  look({ caller: name, seq, settledBelow }: CallNumber): Looked<Outcome, Turn> {
    if (!isNumber(seq) || !isNumber(settledBelow)) return 'outOfWindow'
    const caller = this.#callers.get(name)
    const lowest = Math.max(settledBelow, caller?.settledBelow ?? 1)
    if (seq >= lowest + DEDUP_WINDOW) return 'outOfWindow'
    if (caller === undefined) return seq < lowest ? 'tooOld' : 'new'
    this.#touch(name, caller)
    caller.settle(lowest)
    return caller.look(seq)
  }

  /** A call that is new begins to run. */
  begin({ caller: name, seq, settledBelow }: CallNumber, turn: Turn): void {
    const caller = this.#callers.get(name) ?? new Caller<Outcome, Turn>(settledBelow)
    if (caller.look(seq) !== 'new') throw new Error(`Call ${seq} of ${name} is not new`)
    caller.running.set(seq, turn)
    this.#touch(name, caller)
    this.#forgetSilent()
  }

  /**
   * A running call is over. `save` with the state that it left, before anyone is told the outcome.
   */
  end(name: string, seq: number, outcome: Outcome): void {
    const caller = this.#running(name, seq)
    if (seq >= caller.settledBelow) caller.done.set(seq, outcome)
  }

  /** A call that began has certainly had no effect; a repeat runs it. */
  abandon(name: string, seq: number): void {
    this.#running(name, seq)
  }

  /** All of it as plain data. */
  save(): SavedDedup<Outcome> {
    return [...this.#callers].map(([name, caller]) => [
      name,
      caller.settledBelow,
      [...caller.interrupted, ...caller.running.keys()].filter((seq) => seq >= caller.settledBelow),
      [...caller.done.keys()],
      [...caller.done.values()],
    ])
  }

  #running(name: string, seq: number): Caller<Outcome, Turn> {
    const caller = this.#callers.get(name)
    if (caller === undefined || !caller.running.delete(seq))
      throw new Error(`Call ${seq} of ${name} does not run`)
    return caller
  }

  #touch(name: string, caller: Caller<Outcome, Turn>): void {
    this.#callers.delete(name)
    this.#callers.set(name, caller)
  }

  #forgetSilent(): void {
    for (const [name, caller] of this.#callers) {
      if (this.#callers.size <= DEDUP_CALLERS_MAX) return
      if (caller.running.size === 0) this.#callers.delete(name)
    }
  }
}

/** What is known of one caller's calls. */
class Caller<Outcome, Turn> {
  settledBelow: number
  readonly done = new Map<number, Outcome>()
  readonly running = new Map<number, Turn>()
  readonly interrupted = new Set<number>()

  constructor(settledBelow: number) {
    this.settledBelow = settledBelow
  }

  look(seq: number): Looked<Outcome, Turn> {
    if (seq < this.settledBelow) return 'tooOld'
    if (this.done.has(seq)) return { done: this.done.get(seq) as Outcome }
    if (this.running.has(seq)) return { running: this.running.get(seq) as Turn }
    return this.interrupted.has(seq) ? 'interrupted' : 'new'
  }

  settle(below: number): void {
    if (below === this.settledBelow) return
    this.settledBelow = below
    for (const seq of this.done.keys()) if (seq < below) this.done.delete(seq)
    for (const seq of this.interrupted) if (seq < below) this.interrupted.delete(seq)
  }
}

function isNumber(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1
}
