/**
 * Finds cycles of entities that wait for each other's locks, at the moment the last call of a cycle
 * starts to wait.
 *
 * A waiting call waits for turns (those that hold what it needs, and those that the calls ahead of
 * it need). A turn waits for the waiting calls below it in its chain. Following the one and the
 * other from a call back to itself is a deadlock. Only waiting calls and lock-taking turns are in
 * the graph, so it is empty on a node where nothing waits.
 *
 * Looking when a call starts to wait is enough: the other change that adds waiting, a new turn, has
 * no call below it yet. A cycle that leads over other nodes is found by comparing notes with them:
 * `edges` is this node's note, `wait-edges.ts` compares.
 *
 * A turn waits only for calls that it awaits, so one that becomes awaited adds waiting as well: then
 * the calls below it are looked at again.
 */
import type { Activation } from './activation.ts'
import { isAwaitedBy, type Call, type TurnKey } from './call.ts'
import { turnsAwaitedBy } from './locks.ts'
import type { WaitEdge } from './wait-edges.ts'

/** When a call began to wait, and the number that names it among the node's waits. */
interface Wait {
  readonly number: number
  readonly since: number
}

/** Which waiting calls are asked for. */
export interface EdgeQuery {
  readonly now: number
  readonly olderThanMs: number
  readonly limit: number
}

export class WaitGraph {
  readonly #nodeId: string
  /** Oldest first. */
  readonly #waits = new Map<Call, Wait>()
  readonly #below = new Map<TurnKey, Set<Call>>()
  #count = 0

  constructor(nodeId: string) {
    this.#nodeId = nodeId
  }

  get size(): number {
    return this.#waits.size
  }

  has(call: Call): boolean {
    return this.#waits.has(call)
  }

  add(call: Call, now: number): void {
    this.#count += 1
    this.#waits.set(call, { number: this.#count, since: now })
    for (const turn of call.above) {
      const below = this.#below.get(turn)
      if (below === undefined) this.#below.set(turn, new Set([call]))
      else below.add(call)
    }
  }

  remove(call: Call): void {
    if (!this.#waits.delete(call)) return
    for (const turn of call.above) {
      const below = this.#below.get(turn)
      if (below === undefined) continue
      below.delete(call)
      if (below.size === 0) this.#below.delete(turn)
    }
  }

  /** The waiting calls that the turn of this name led to. */
  below(turnKey: TurnKey): Iterable<Call> {
    return this.#below.get(turnKey) ?? []
  }

  /** Whether a call waits that this turn led to. */
  hasBelow(turn: Call): boolean {
    return turn.turnKey !== null && this.#below.has(turn.turnKey)
  }

  /**
   * The waiting calls of a shortest cycle through `call`, beginning with it, or `undefined` where
   * there is none.
   */
  cycleThrough(call: Call): Call[] | undefined {
    if (call.above.length === 0) return undefined
    const reachedFrom = new Map<Call, Call | null>([[call, null]])
    for (const waiting of reachedFrom.keys()) {
      for (const { turnKey } of turnsAwaitedBy(waiting.activation as Activation, waiting)) {
        if (turnKey === null) continue
        if (call.above.includes(turnKey) && isAwaitedBy(turnKey, call)) {
          return pathTo(waiting, reachedFrom)
        }
        for (const next of this.below(turnKey)) {
          if (!reachedFrom.has(next) && isAwaitedBy(turnKey, next)) reachedFrom.set(next, waiting)
        }
      }
    }
    return undefined
  }

  /**
   * What other nodes must know to find cycles that lead over them: the calls that have waited for a
   * while, oldest first.
   */
  edges(query: EdgeQuery): WaitEdge[] {
    const edges: WaitEdge[] = []
    for (const [call, wait] of this.#waits) {
      if (edges.length >= query.limit || query.now - wait.since < query.olderThanMs) break
      const above = call.above.filter((turnKey) => isAwaitedBy(turnKey, call))
      if (above.length === 0) continue
      const awaits: TurnKey[] = []
      for (const { turnKey } of turnsAwaitedBy(call.activation as Activation, call)) {
        if (turnKey !== null) awaits.push(turnKey)
      }
      if (awaits.length === 0) continue
      edges.push({ wait: this.#nameOf(wait), name: nameOf(call), above, awaits })
    }
    return edges
  }

  /** The call that waits under this name, if it still does. */
  find(name: string): Call | undefined {
    for (const [call, wait] of this.#waits) if (this.#nameOf(wait) === name) return call
    return undefined
  }

  #nameOf(wait: Wait): string {
    return `${this.#nodeId}:w${wait.number}`
  }
}

/** Prints a cycle as the entities and operations that wait for each other. */
export function formatCycle(names: readonly string[]): string {
  return [...names, names[0]].join(' → ')
}

/** Names a call as people write it: `Player/bob.trade`. */
export function nameOf(call: Call): string {
  const { activation } = call
  const entity = activation === null ? '?' : `${activation.type.plan.name}/${activation.id}`
  return `${entity}.${call.operation.name}`
}

function pathTo(last: Call, reachedFrom: ReadonlyMap<Call, Call | null>): Call[] {
  const path: Call[] = []
  for (let call: Call | null | undefined = last; call; call = reachedFrom.get(call)) path.push(call)
  return path.reverse()
}
