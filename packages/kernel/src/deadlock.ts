/**
 * Finds cycles of entities that wait for each other's locks, at the moment the last call of a cycle starts to wait.
 *
 * A waiting call waits for turns (those that hold what it needs, and those that the calls ahead of it need). A turn waits for
 * the waiting calls below it in its chain. Following the one and the other from a call back to itself is a deadlock. Only
 * waiting calls and lock-taking turns are in the graph, so it is empty on a node where nothing waits.
 */
import type { Activation } from './activation.ts'
import type { Call, TurnKey } from './call.ts'
import { blockersOf, conflicts } from './locks.ts'

export class WaitGraph {
  readonly #waitingBelow = new Map<TurnKey, Set<Call>>()

  get size(): number {
    return this.#waitingBelow.size
  }

  add(call: Call): void {
    for (const turn of call.above) {
      const below = this.#waitingBelow.get(turn)
      if (below === undefined) this.#waitingBelow.set(turn, new Set([call]))
      else below.add(call)
    }
  }

  remove(call: Call): void {
    for (const turn of call.above) {
      const below = this.#waitingBelow.get(turn)
      if (below === undefined) continue
      below.delete(call)
      if (below.size === 0) this.#waitingBelow.delete(turn)
    }
  }

  /** The waiting calls of a cycle through `call`, beginning with it, or `undefined` where there is none. */
  cycleThrough(call: Call): Call[] | undefined {
    if (call.above.length === 0) return undefined
    const seen = new Set<Call>()
    const path: Call[] = []
    const visit = (waiting: Call): boolean => {
      if (seen.has(waiting)) return false
      seen.add(waiting)
      path.push(waiting)
      for (const turn of turnsAwaitedBy(waiting)) {
        if (turn.turnKey === null) continue
        if (call.above.includes(turn.turnKey)) return true
        for (const next of this.#waitingBelow.get(turn.turnKey) ?? []) if (visit(next)) return true
      }
      path.pop()
      return false
    }
    return visit(call) ? path : undefined
  }
}

/** Prints a cycle as the entities and operations that wait for each other. */
export function formatCycle(cycle: readonly Call[]): string {
  const names = cycle.map((call) => nameOf(call))
  return [...names, names[0]].join(' → ')
}

function nameOf(call: Call): string {
  const { activation } = call
  const entity = activation === null ? '?' : `${activation.type.plan.name}/${activation.id}`
  return `${entity}.${call.operation.name}`
}

function turnsAwaitedBy(call: Call): Call[] {
  const activation = call.activation as Activation
  const turns = blockersOf(activation, call)
  for (const ahead of activation.waiting ?? []) {
    if (ahead === call) break
    if (conflicts(ahead, call)) turns.push(...blockersOf(activation, ahead))
  }
  return turns
}
