/**
 * Keeps the calls of this node to an entity in order while the entity's place changes.
 *
 * Calls that take one way, over one link, arrive in order, lane by lane. When an entity is to be called by another way, because a
 * call came back from where it was, or a newer view or word names another place, calls may still be under way on the old one: a
 * new call would overtake them. So they all wait here, those that come back and, behind them, those that are made; and *sweeps*
 * follow on the old way, one in each lane, calls that do nothing. Whatever became of them, when that is known nothing is left on the
 * old way, and all that waits goes on, in order.
 *
 * Where those that came back did so without a word of where to go, as from a node that is about to stop, they wait until something has
 * changed (`release`), and what is made meanwhile waits behind them.
 *
 * It costs a round trip for each caller's node and change of place, and nothing where nothing moves.
 */
import { EpicError } from '@epicserver/contracts'
import type { Priority } from '@epicserver/kernel'
import { EntityCall, type CallHome } from '../node/entity-call.ts'
import { noteHeld, noteReleased } from '../node/held-calls.ts'
import { sweepOperations } from '../node/internal-operations.ts'
import { setWay, type RefObject } from '../model/ref.ts'
import { PRIORITIES } from './lane-requests.ts'
import type { PeerLink } from './peer-link.ts'
import type { Whither } from './whereabouts.ts'

/** Stands for the way of a ref whose calls wait. */
const NONE_NOW = Object.freeze({ why: 'sweeps are under way' })

interface Reroute {
  readonly returned: EntityCall[]
  readonly later: EntityCall[]
  /** Those that are swept, or were. */
  readonly ways: Set<PeerLink>
  sweeps: number
  /** What was said last of where the entity is. */
  to: Whither | undefined
}

export interface ReroutesParts {
  readonly home: () => CallHome
  readonly onward: Onward
  /** How many calls may wait. */
  readonly callsMax: number
}

/** What is to be done with calls whose old way is clear. */
export type Onward = (calls: readonly EntityCall[], to: Whither | undefined) => void

/** A call that follows others on their way and does nothing; all its outcomes are one: it has come through. */
export class Sweep extends EntityCall {
  readonly #onDone: () => void

  constructor(home: CallHome, ref: RefObject, priority: Priority, onDone: () => void) {
    super(home, ref, sweepOperations[priority], [], null)
    this.#onDone = onDone
  }

  override succeed(_value: unknown): void {
    this.end()
  }

  override reject(_error: unknown): void {
    this.end()
  }

  end(): void {
    if (this.settled) return
    this.settled = true
    this.#onDone()
  }
}

export class Reroutes {
  readonly #parts: ReroutesParts
  readonly #open = new Map<RefObject, Reroute>()
  /** Those whose old way is clear, and whose new one nobody knows. */
  readonly #lost = new Set<RefObject>()
  #callCount = 0

  constructor(parts: ReroutesParts) {
    this.#parts = parts
  }

  /** How many calls wait. */
  get callCount(): number {
    return this.#callCount
  }

  /** Follows up on an old way; calls that are given here wait until it is clear. */
  begin(ref: RefObject, oldWay: PeerLink, now: number): void {
    const reroute = this.#open.get(ref) ?? this.#openFor(ref)
    if (reroute.ways.has(oldWay)) return
    reroute.ways.add(oldWay)
    reroute.sweeps += PRIORITIES.length
    this.#lost.delete(ref)
    for (const priority of PRIORITIES) {
      const sweep = new Sweep(this.#parts.home(), ref, priority, () =>
        this.#handleSwept(ref, reroute),
      )
      oldWay.send(sweep, now)
    }
  }

  #openFor(ref: RefObject): Reroute {
    const reroute: Reroute = {
      ...{ returned: [], later: [], ways: new Set<PeerLink>() },
      ...{ sweeps: 0, to: undefined },
    }
    this.#open.set(ref, reroute)
    setWay(ref, NONE_NOW)
    return reroute
  }

  /** A call has come back: says whether it waits here now. */
  keepReturned(call: EntityCall, to: Whither | undefined): boolean {
    const reroute = this.#open.get(call.ref)
    if (reroute === undefined) return false
    this.#keep(reroute.returned, call)
    reroute.to = to
    return true
  }

  /** A call is made: says whether it waits here now. */
  keepLater(call: EntityCall): boolean {
    const reroute = this.#open.get(call.ref)
    if (reroute === undefined) return false
    this.#keep(reroute.later, call)
    return true
  }

  /** Something has changed: those that did not know where to go look again. */
  release(): void {
    for (const ref of this.#lost) this.#end(ref)
  }

  #keep(calls: EntityCall[], call: EntityCall): void {
    if (this.#callCount >= this.#parts.callsMax) {
      call.fail(tooManyWait(call, this.#parts.callsMax))
      return
    }
    noteHeld(call)
    this.#callCount += 1
    calls.push(call)
  }

  #handleSwept(ref: RefObject, reroute: Reroute): void {
    reroute.sweeps -= 1
    if (reroute.sweeps > 0) return
    if (reroute.to === undefined && reroute.returned.length > 0) this.#lost.add(ref)
    else this.#end(ref)
  }

  #end(ref: RefObject): void {
    const reroute = this.#open.get(ref)
    this.#open.delete(ref)
    this.#lost.delete(ref)
    if (reroute === undefined) return
    setWay(ref, null)
    const calls = [...reroute.returned, ...reroute.later]
    this.#callCount -= calls.length
    for (const call of calls) noteReleased(call)
    this.#parts.onward(calls, reroute.to)
  }
}

function tooManyWait(call: EntityCall, max: number): EpicError {
  return new EpicError(
    'Overloaded',
    `Cannot call "${call.ref.toString()}": ${max} calls wait already until it is clear where they go`,
  )
}
