/**
 * The receiving half of a channel: it puts away what arrives, keeps the sender to its credit, and lets the runner deliver it.
 *
 * Each lane is a runnable of its own, with the lane's urgency: a normal lane whose handler waits for something delays no
 * control message. Credit is given back when half of the window was processed, so that it costs one small frame now and then.
 */
import type { Payload } from './carrier.ts'
import { InLane } from './in-lane.ts'
import type { InLaneOwner } from './in-lane.ts'
import { LANES, UNRELIABLE, laneName } from './lane.ts'
import type { LaneIndex } from './lane.ts'
import type { Run, RunPolicy, Runner } from './runner.ts'

/** What an {@link Inbox} needs of its channel. */
export interface InboxOwner<M> extends Omit<InLaneOwner<M>, 'handleProcessed'> {
  /** So much was processed; the other side may send as much again. */
  giveCredit(lane: LaneIndex, cost: number): void
  /** Everything that arrived is processed. */
  handleEmpty(): void
}

/** What an {@link Inbox} is made with. */
export interface InboxParts<M> {
  readonly owner: InboxOwner<M>
  readonly runner: Runner
  readonly policy: RunPolicy
  /** What the other side may have under way, on each reliable lane. */
  readonly windows: readonly number[]
  readonly unreliableBytesMax: number
}

/** A lane with what it is driven by, and what its sender owes or is owed. */
interface Entry<M> {
  readonly lane: InLane<M>
  readonly run: Run
  /** Received, and its credit not given back. */
  held: number
  /** Processed, and its credit not given back. */
  owed: number
}

export class Inbox<M> {
  droppedUnreliable = 0
  readonly #parts: InboxParts<M>
  readonly #entries: (Entry<M> | undefined)[] = new Array<Entry<M> | undefined>(LANES.length).fill(
    undefined,
  )
  #isHeld = true
  #isClosed = false

  constructor(parts: InboxParts<M>) {
    this.#parts = parts
  }

  get isEmpty(): boolean {
    return this.#entries.every((entry) => entry === undefined || entry.lane.isEmpty)
  }

  get messagesReceived(): number {
    return this.#entries.reduce((sum, entry) => sum + (entry?.lane.messagesReceived ?? 0), 0)
  }

  /** What was received and not processed yet. */
  get heldCost(): number {
    return this.#entries.reduce(
      (sum, entry) => sum + (entry === undefined ? 0 : entry.held - entry.owed),
      0,
    )
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /** Puts a batch away. @returns what is wrong with it: its sender had no credit for it. */
  receive(index: LaneIndex, payload: Payload<M>, cost: number): string | undefined {
    if (this.#isClosed) return undefined
    const entry = this.#entries[index] ?? this.#open(index)
    const window = index === UNRELIABLE ? Infinity : (this.#parts.windows[index] ?? 0)
    if (entry.held >= window) {
      return `it sent on its ${laneName(index)} lane beyond its credit of ${window} bytes`
    }
    entry.lane.push(payload, cost)
    entry.held += cost
    if (index === UNRELIABLE) this.#boundUnreliable(entry)
    entry.run.wake()
    return undefined
  }

  /** Stops delivering until {@link Inbox.release}; a new inbox is held. */
  hold(): void {
    if (this.#isHeld) return
    this.#isHeld = true
    for (const entry of this.#entries) entry?.run.hold()
  }

  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    for (const entry of this.#entries) entry?.run.release()
  }

  close(): void {
    this.#isClosed = true
    for (const entry of this.#entries) {
      entry?.lane.close()
      entry?.run.remove()
    }
  }

  #open(index: LaneIndex): Entry<M> {
    const { owner, runner, policy } = this.#parts
    const lane = new InLane<M>(index, {
      clock: owner.clock,
      carrier: owner.carrier,
      deliver: (message) => owner.deliver(message),
      handleBroken: (problem) => owner.handleBroken(problem),
      describe: () => owner.describe(),
      handleProcessed: (_lane, cost) => this.#handleProcessed(index, cost),
    })
    const entry: Entry<M> = { lane, run: runner.add(lane, policy), held: 0, owed: 0 }
    if (this.#isHeld) entry.run.hold()
    this.#entries[index] = entry
    return entry
  }

  #handleProcessed(index: LaneIndex, cost: number): void {
    const entry = this.#entries[index]
    if (entry === undefined || this.#isClosed) return
    if (index === UNRELIABLE) entry.held -= cost
    else {
      entry.owed += cost
      if (entry.owed >= (this.#parts.windows[index] ?? 0) / 2) {
        entry.held -= entry.owed
        this.#parts.owner.giveCredit(index, entry.owed)
        entry.owed = 0
      }
    }
    if (entry.lane.isEmpty && this.isEmpty) this.#parts.owner.handleEmpty()
  }

  #boundUnreliable(entry: Entry<M>): void {
    while (entry.held > this.#parts.unreliableBytesMax) {
      const dropped = entry.lane.dropOldest()
      if (dropped === 0) break
      entry.held -= dropped
      this.droppedUnreliable += 1
    }
  }
}
