/**
 * Deadlocks whose cycle leads over several nodes: who waits for whom, put together from what all
 * nodes tell.
 *
 * Each node sees its own waiting calls, the lock-taking turns above them (which the call brought
 * along from other nodes) and the turns that they wait for. From time to time a node on which a
 * call has waited for long holds an *exchange*: it notes its own edges, asks every peer for theirs,
 * and looks for cycles. Of a cycle's calls one must fail, and all nodes agree on which: the one
 * with the greatest name. The node on which that one waits fails it; the others do nothing.
 *
 * What nodes tell is of different moments, and a cycle put together from such pieces may never have
 * been there. But an edge, once gone, never comes back (turns and waits are named uniquely), so one
 * that is told twice was there all the time between. All that is told in one exchange was noted
 * before the next one began. So the edges told in two exchanges in a row were all there at one
 * moment, between the two, and a cycle of such edges is a deadlock. Hence the two rules: an answer
 * counts for the exchange in which it was asked for, and only what is told in two exchanges in a
 * row counts at all.
 *
 * Deliberately not here: cycles within one node, which `deadlock.ts` finds at once, and the sending
 * of questions and answers.
 */
import type { TurnKey } from './call.ts'

/** A waiting call, as other nodes must know it. */
export interface WaitEdge {
  /** Names the wait among those of all nodes; never used again. */
  readonly wait: string
  /** The entity and operation, for people. */
  readonly name: string
  /** The lock-taking turns that wait for this call. */
  readonly above: readonly TurnKey[]
  /** The turns that this call waits for. */
  readonly awaits: readonly TurnKey[]
}

/** A call of this node that must fail, and the cycle that it is in, for `Kernel.failDeadlocked`. */
export interface Deadlocked {
  readonly wait: string
  /** The names of the calls that wait for each other, beginning with this one. */
  readonly cycle: readonly string[]
}

/** What a peer answers when it is asked in an exchange. */
export interface PeerEdges {
  readonly nodeId: string
  /** The number of the exchange that asked. */
  readonly exchange: number
  readonly edges: readonly WaitEdge[]
}

export class WaitExchange {
  #number = 0
  #isOpen = false
  #own: ReadonlySet<string> = new Set()
  #told = new Map<string, WaitEdge>()
  #toldBefore: ReadonlyMap<string, WaitEdge> = new Map()
  readonly #answered = new Set<string>()

  /**
   * Begins an exchange with what waits here now. Peers are asked after this, with the number that
   * is returned.
   */
  begin(own: readonly WaitEdge[]): number {
    if (this.#isOpen) throw new Error(`Exchange ${this.#number} has not ended`)
    this.#number += 1
    this.#isOpen = true
    this.#own = new Set(own.map(({ wait }) => wait))
    this.#answered.clear()
    for (const edge of own) this.#told.set(edge.wait, edge)
    return this.#number
  }

  /**
   * A peer's answer to the question of this exchange; one that is late or comes twice is left out.
   */
  handleRemoteEdges({ nodeId, exchange, edges }: PeerEdges): void {
    if (!this.#isOpen || exchange !== this.#number || this.#answered.has(nodeId)) return
    this.#answered.add(nodeId)
    for (const edge of edges) if (!this.#told.has(edge.wait)) this.#told.set(edge.wait, edge)
  }

  /**
   * Ends an exchange, whether or not all have answered: returns this node's calls that must fail.
   * What was told is kept to be compared with the next exchange.
   */
  end(): Deadlocked[] {
    if (!this.#isOpen) return []
    this.#isOpen = false
    const graph = new EdgeGraph(toldTwice(this.#toldBefore, this.#told))
    this.#toldBefore = this.#told
    this.#told = new Map()
    return graph.victims(this.#own)
  }
}

/** What of the edges was told in both exchanges. */
function toldTwice(
  before: ReadonlyMap<string, WaitEdge>,
  now: ReadonlyMap<string, WaitEdge>,
): WaitEdge[] {
  const edges: WaitEdge[] = []
  for (const [wait, edge] of now) {
    const old = before.get(wait)
    if (old === undefined) continue
    const awaits = edge.awaits.filter((turn) => old.awaits.includes(turn))
    if (awaits.length > 0) edges.push({ ...edge, awaits })
  }
  return edges
}

/** Waits, joined where one waits for a turn that waits for the other. */
class EdgeGraph {
  readonly #edges: readonly WaitEdge[]
  readonly #below = new Map<TurnKey, WaitEdge[]>()
  readonly #waitingFor = new Map<TurnKey, WaitEdge[]>()

  constructor(edges: readonly WaitEdge[]) {
    this.#edges = edges
    for (const edge of edges) {
      for (const turn of edge.above) addTo(this.#below, turn, edge)
      for (const turn of edge.awaits) addTo(this.#waitingFor, turn, edge)
    }
  }

  /** Of each knot of cycles the wait with the greatest name, where it is one of `own`. */
  victims(own: ReadonlySet<string>): Deadlocked[] {
    const victims: Deadlocked[] = []
    for (const edge of this.#edges) {
      if (!own.has(edge.wait)) continue
      const after = reach(edge, (each) => this.#after(each))
      const cycle = cycleOf(edge, after)
      if (cycle === undefined) continue
      const before = reach(edge, (each) => this.#before(each))
      const isGreatest = [...after.keys()].every(
        (other) => other.wait <= edge.wait || !before.has(other),
      )
      if (isGreatest) victims.push({ wait: edge.wait, cycle })
    }
    return victims
  }

  #after(edge: WaitEdge): WaitEdge[] {
    return edge.awaits.flatMap((turn) => this.#below.get(turn) ?? [])
  }

  #before(edge: WaitEdge): WaitEdge[] {
    return edge.above.flatMap((turn) => this.#waitingFor.get(turn) ?? [])
  }
}

/**
 * All that can be reached from `start`, itself only over a cycle, each with the one from which it
 * was first reached.
 */
function reach(start: WaitEdge, next: (edge: WaitEdge) => WaitEdge[]): Map<WaitEdge, WaitEdge> {
  const reachedFrom = new Map<WaitEdge, WaitEdge>()
  const visit = (edge: WaitEdge): void => {
    for (const other of next(edge)) if (!reachedFrom.has(other)) reachedFrom.set(other, edge)
  }
  visit(start)
  for (const edge of reachedFrom.keys()) if (edge !== start) visit(edge)
  return reachedFrom
}

/** The names along a shortest way from `start` back to it. */
function cycleOf(
  start: WaitEdge,
  reachedFrom: ReadonlyMap<WaitEdge, WaitEdge>,
): string[] | undefined {
  let edge = reachedFrom.get(start)
  if (edge === undefined) return undefined
  const names: string[] = []
  while (edge !== start) {
    names.push((edge as WaitEdge).name)
    edge = reachedFrom.get(edge as WaitEdge)
  }
  return [start.name, ...names.reverse()]
}

function addTo(map: Map<TurnKey, WaitEdge[]>, turn: TurnKey, edge: WaitEdge): void {
  const edges = map.get(turn)
  if (edges === undefined) map.set(turn, [edge])
  else edges.push(edge)
}
