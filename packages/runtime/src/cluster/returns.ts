/**
 * Remembers for which entities calls that came through a channel went back, so that those behind them go back too.
 *
 * Whoever sends does not know yet that a call went back, and may have sent more. By the time that they arrive their entity may live here:
 * let in, they would overtake what is on its way back. So all calls of the channel to that entity go back, with the same word of
 * where to go, lane by lane, until the sender's sweep comes by that lane: it follows when the sender has heard, and then waits
 * (`reroutes.ts`).
 */
import type { Priority } from '@epicserver/kernel'
import type { RefObject } from '../model/ref.ts'
import { PRIORITIES } from './lane-requests.ts'
import type { Whither } from './whereabouts.ts'

/** What went back to one sender, for one entity. */
interface Return {
  /** In which lanes: a bit for each. */
  lanes: number
  /** The word that was given last. */
  to: Whither | undefined
}

export class Returns {
  readonly #returns = new Map<RefObject, Return>()

  /** A call goes back. */
  note(ref: RefObject, lane: Priority, to: Whither | undefined): void {
    const lanes = (this.#returns.get(ref)?.lanes ?? 0) | bitOf(lane)
    this.#returns.set(ref, { lanes, to })
  }

  /** What the call has to follow, if others went back before it. */
  find(ref: RefObject, lane: Priority): Return | undefined {
    // Mostly nothing has gone back.
    if (this.#returns.size === 0) return undefined
    const found = this.#returns.get(ref)
    return found !== undefined && (found.lanes & bitOf(lane)) !== 0 ? found : undefined
  }

  /** The sweep has come: what follows comes from a sender who knows. */
  clear(ref: RefObject, lane: Priority): void {
    const found = this.#returns.get(ref)
    if (found === undefined) return
    found.lanes &= ~bitOf(lane)
    if (found.lanes === 0) this.#returns.delete(ref)
  }
}

function bitOf(lane: Priority): number {
  return 1 << PRIORITIES.indexOf(lane)
}
