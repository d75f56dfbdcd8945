/**
 * Whether what an entity has sent from here was heard: before that it must not live elsewhere, where it could overtake itself.
 *
 * Calls are not confirmed one by one. What leaves this node belongs to a round, whose number each sender keeps; a round that is asked
 * for ends with a question to each node that something was sent to since the last, one in each lane. A node answers when all
 * that had come from here has begun there, or has come back. So it costs nothing where nothing moves, and where much moves
 * a round trip for all that wait for the same round.
 *
 * A message that comes back nobody knows the sender of: while there is one that has not begun, no round counts. A node that does not answer
 * is waited for until its link ends, or the question is asked again; how long to wait is for those to say who ask.
 */
import { isEpicError } from '@epicserver/contracts'
import type { Activation } from '@epicserver/kernel'
import { within } from '../node/pause.ts'
import type { NodeRequest } from '../node/node.ts'
import type { NodeClock } from '../node/ports.ts'
import type { ClusterRouter } from './cluster-router.ts'
import { askInEachLane, CONFIRM_REQUEST } from './lane-requests.ts'
import type { PeerLink } from './peer-link.ts'
import type { Peers } from './peers.ts'
import type { ReturnedMessage, ReturnedMessages } from './returned-message.ts'

/** A round that has not ended by then says nothing. */
const ROUND_MS_MAX = 1_000
/** Many round trips, also between nodes that are busy. */
const LATE_MS = 50
/** What waits here for so long for its way may wait for who asks: it goes back. */
const HELD_MS_MAX = 50

export interface ConfirmationsParts {
  readonly clock: NodeClock
  readonly router: ClusterRouter
  readonly peers: () => Peers
}

export class Confirmations implements ReturnedMessages {
  readonly #parts: ConfirmationsParts
  #round = 1
  #heard = 0
  /** When the last round has begun, and whether the last that has ended said what was heard. */
  #begunAt = 0
  #wasHeard = true
  #current: Promise<void> | undefined
  #next: Promise<void> | undefined
  readonly #returned = new Set<ReturnedMessage>()
  /** The last round of a message that had come back and went on its way again, or that begins here. */
  #returnedRound = 0
  /** The last round of an entity that has ended here. */
  #endedRound = 0

  constructor(parts: ConfirmationsParts) {
    this.#parts = parts
  }

  get requests(): ReadonlyMap<string, NodeRequest> {
    return new Map([[CONFIRM_REQUEST, (from) => this.#answer(from)]])
  }

  /** To which what is sent now belongs. */
  get round(): number {
    return this.#round
  }

  /** Whether all that an entity has sent from here was heard. */
  isHeard({ sentRound }: Activation): boolean {
    return sentRound <= this.#heard
  }

  /** Whether an entity has sent something of which nothing is heard for longer than from nodes that answer. */
  isLate(activation: Activation): boolean {
    if (this.isHeard(activation)) return false
    if (this.#current === undefined) return !this.#wasHeard
    return this.#parts.clock.monotonicMs() >= this.#begunAt + LATE_MS
  }

  /** Resolves when it is known again what was heard; of what was sent before it was called, if nothing is wrong. */
  ask(): Promise<void> {
    if (this.#current === undefined) return this.#begin()
    this.#next ??= this.#current.then(() => {
      this.#next = undefined
      return this.#begin()
    })
    return this.#next
  }

  /** Waits a while until what these have sent was heard. */
  async hear(activations: readonly Activation[], limitMs: number): Promise<void> {
    if (activations.every((each) => this.isHeard(each))) return
    await within(this.#parts.clock, limitMs, this.ask())
  }

  /** Waits a while until what those have sent was heard that ended here. */
  async hearEnded(limitMs: number): Promise<void> {
    if (this.#endedRound <= this.#heard) return
    await within(this.#parts.clock, limitMs, this.ask())
  }

  /** An activation has ended here. */
  handleEnded({ sentRound }: Activation): void {
    if (sentRound > this.#endedRound) this.#endedRound = sentRound
  }

  handleReturned(message: ReturnedMessage): void {
    this.#returned.add(message)
  }

  handleGone(message: ReturnedMessage): void {
    if (this.#returned.delete(message)) this.#returnedRound = this.#round
  }

  #begin(): Promise<void> {
    const round = this.#round
    this.#round += 1
    this.#begunAt = this.#parts.clock.monotonicMs()
    this.#current = this.#askAll().then((isHeard) => {
      this.#current = undefined
      this.#wasHeard = isHeard && this.#returned.size === 0 && this.#returnedRound <= round
      if (this.#wasHeard) this.#heard = round
    })
    return this.#current
  }

  /** Another node asks whether all that it has sent here has begun, or has gone back. */
  async #answer(from: string): Promise<undefined> {
    const { clock, router, peers } = this.#parts
    const cleared = peers().cleared(from)
    if (await within(clock, HELD_MS_MAX, cleared)) return
    router.sendBackHeldOf(from)
    await cleared
  }

  async #askAll(): Promise<boolean> {
    const asked = this.#parts.peers().all.filter((link) => link.sentRound > this.#heard)
    let areHeard = true
    const all = asked.map(async (link) => (areHeard = (await isSettled(link)) && areHeard))
    const isInTime = await within(this.#parts.clock, ROUND_MS_MAX, Promise.all(all))
    return isInTime && areHeard
  }
}

/** Resolves when nothing of what was sent through a link is still to begin; with `false` when that cannot be known. */
async function isSettled(link: PeerLink): Promise<boolean> {
  const questions = askInEachLane(link, CONFIRM_REQUEST, ROUND_MS_MAX)
  const answers = await Promise.allSettled(questions)
  return answers.every((answer) => answer.status === 'fulfilled' || isForNothing(answer.reason))
}

/** Of a link that has ended nothing more arrives, and who does not know the question cannot answer it. */
function isForNothing(error: unknown): boolean {
  return isEpicError(error) && (error.code === 'NodeLost' || error.code === 'UnknownOperation')
}
