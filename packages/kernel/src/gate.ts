/**
 * The output gate of an entity with acknowledged durability: nothing that reveals its state leaves
 * before that state is durable.
 *
 * What turns emit (replies, calls, messages) is held, in order. When the node comes to rest for a
 * moment, the driver compares the state with what is saved. Unchanged: all that is held leaves.
 * Changed: one write takes the state, and what was held until then leaves when it is durable, while
 * what is emitted meanwhile waits for the next comparison. So a thousand turns between two commits
 * share one write, and no emission overtakes an earlier one.
 *
 * | state     | waits for the write | emitted since | next step                              |
 * |-----------|---------------------|---------------|----------------------------------------|
 * | resting   | –                   | –             | `hold` → unsettled                     |
 * | unsettled | –                   | some          | clean → resting, dirty → writing       |
 * | writing   | some or none        | some or none  | written → resting or unsettled         |
 *
 * A write that fails means that the activation ends; `takeAll` is then what must never leave. Of what is held some may be saved all the
 * same: a turn that ran when an earlier write took the state has changed it before, or may have (`mayBeSaved`).
 */

/** Something that waits at a gate. */
export interface Held {
  /** The state it reveals is durable: let it go. */
  release(): void
  /** The state it reveals was lost: it must never leave. `unsure` is for turns of which a part may be saved. */
  drop(error: unknown, unsure?: unknown): void
}

export type GateState = 'resting' | 'unsettled' | 'writing'

/** Nothing held: one list for all gates, and never added to. */
const NOTHING: readonly Held[] = Object.freeze([])

export class Gate {
  #emitted: readonly Held[] = NOTHING
  #beforeWrite: readonly Held[] | null = null
  /** Whether turns ran when the present write took the state, and when the last one did that is durable. */
  #isAmidTurns = false
  #wasAmidTurns = false

  get state(): GateState {
    if (this.#beforeWrite !== null) return 'writing'
    return this.#emitted.length > 0 ? 'unsettled' : 'resting'
  }

  get size(): number {
    return this.#emitted.length + (this.#beforeWrite?.length ?? 0)
  }

  /**
   * Holds something back; says whether the gate was resting, that is, whether someone must come and
   * compare.
   */
  hold(held: Held): boolean {
    if (this.#emitted !== NOTHING) {
      ;(this.#emitted as Held[]).push(held)
      return false
    }
    // Most gates hold one thing at a time; an array that grows by `push` takes room for 17 at once.
    this.#emitted = [held]
    return this.#beforeWrite === null
  }

  /**
   * The state is what is saved: takes all that may leave. Not while writing: what waits for the
   * write was emitted earlier.
   */
  takeClean(): readonly Held[] {
    if (this.#beforeWrite !== null)
      throw new Error('The gate is writing: nothing may leave before what waits for that')
    const released = this.#emitted
    this.#emitted = NOTHING
    return released
  }

  /** A write with the present state has begun, in the middle of turns or not. */
  beginWrite(isAmidTurns = false): void {
    if (this.#beforeWrite !== null) throw new Error('The gate is writing already')
    this.#beforeWrite = this.#emitted
    this.#emitted = NOTHING
    this.#isAmidTurns = isAmidTurns
  }

  /** Whether something of what is held back may be saved, since its turn ran while that was. */
  get mayBeSaved(): boolean {
    return this.#wasAmidTurns
  }

  /** The write is durable: takes all that waited for it. */
  takeWritten(): readonly Held[] {
    this.#wasAmidTurns = this.#isAmidTurns
    const released = this.#beforeWrite ?? NOTHING
    this.#beforeWrite = null
    return released
  }

  /** The state was lost: takes everything. */
  takeAll(): Held[] {
    const all = [...(this.#beforeWrite ?? []), ...this.#emitted]
    this.#beforeWrite = null
    this.#emitted = NOTHING
    return all
  }
}
