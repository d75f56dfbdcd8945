/**
 * Which entities to move to where their partners are: messages inside a process cost a fraction of those between processes.
 *
 * The idea is that of ActOp (Newell et al., EuroSys 2016): each node looks at samples of who talks with whom, and proposes the moves
 * that cut most of the talk between nodes. When an entity is chosen its partners here are looked at again, since now they have a
 * reason to follow: so whole knots of entities move, not their halves.
 *
 * What keeps it from swinging: a move must pay by a ratio and by an amount; what has just moved stays; it may not overfill its
 * target; and in one round only one of two nodes moves towards the other, which stands still: or two friends would change places for
 * ever, one would run after another who is leaving, and two who see the same room would fill it twice.
 */
import type { NodeId } from './effects.ts'
import { DEFAULT_CAPACITY, loadScore, WELL_SCORE } from './load.ts'
import type { Capacity, Load } from './load.ts'
import { canCarry, meanScore, scoresOf, unitsOf } from './move-unit.ts'
import type { Movable, MoveUnit, NodeScore, PlannedMove } from './move-unit.ts'
import type { EntityKey } from './peer-message.ts'
import type { View } from './view.ts'

/** That an entity of this node talks with another. */
export interface Talk {
  readonly key: EntityKey
  readonly with: EntityKey
  /** Where the other lives. */
  readonly at: NodeId
  /** Messages a second, both ways. */
  readonly rate: number
}

/** What a plan rests on. */
export interface LocalityInput {
  readonly self: NodeId
  readonly view: View
  readonly loads: ReadonlyMap<NodeId, Load>
  readonly movables: readonly Movable[]
  readonly talks: readonly Talk[]
  /** Counts rounds, at all nodes alike as far as clocks allow. */
  readonly round: number
}

/** How eagerly a node follows talk. */
export interface LocalityOptions {
  readonly movesMax: number
  /** How much more an entity must talk with another node than here. */
  readonly ratioMin: number
  /** And by how many messages a second. */
  readonly gainMin: number
  /** How far above the mean load a target may get. */
  readonly slack: number
  /** Up to this score a target may get whatever the mean is: of two idle nodes one may have all that talks. */
  readonly scoreMin: number
  readonly restMs: number
  readonly capacity: Capacity
}

/**
 * A round each five seconds that moves no more than a hundred; what talks less than fifty times a second costs next to nothing. A
 * target is filled to a little less than what rebalancing would relieve.
 */
export const DEFAULT_LOCALITY: LocalityOptions = {
  movesMax: 100,
  ratioMin: 1.5,
  gainMin: 50,
  slack: 0.15,
  scoreMin: 0.9 * WELL_SCORE,
  restMs: 15_000,
  capacity: DEFAULT_CAPACITY,
}

/** How much a node that may be a target can take, and what it carries. */
interface Room {
  readonly labels: readonly string[]
  left: number
}

/** How much a unit talks with each node. */
type Ties = Map<NodeId, number>

interface Candidate {
  readonly unit: MoveUnit
  readonly target: NodeId
  readonly gain: number
}

/** The moves that pay, best first. */
export function planLocality(
  input: LocalityInput,
  options: LocalityOptions = DEFAULT_LOCALITY,
): PlannedMove[] {
  const units = unitsOf(input.movables)
  const waiting = new Set(units.filter((unit) => unit.sinceMs >= options.restMs))
  const knots = new Knots(input.self, units, input.talks)
  const room = roomAt(input, options)
  const moves: PlannedMove[] = []
  for (;;) {
    const best = bestOf(waiting, knots, room, options)
    if (best === undefined) return moves
    waiting.delete(best.unit)
    if (moves.length + best.unit.keys.length > options.movesMax) continue
    const taken = room.get(best.target)
    if (taken !== undefined) taken.left -= loadScore(best.unit.load, options.capacity)
    knots.move(best.unit, best.target)
    for (const key of best.unit.keys) moves.push({ key, target: best.target })
  }
}

/** Who talks with whom, and where they are in the plan so far. */
class Knots {
  readonly #self: NodeId
  readonly #unitOf = new Map<EntityKey, MoveUnit>()
  readonly #place = new Map<MoveUnit, NodeId>()
  readonly #talks = new Map<MoveUnit, Talk[]>()

  constructor(self: NodeId, units: readonly MoveUnit[], talks: readonly Talk[]) {
    this.#self = self
    for (const unit of units) for (const key of unit.keys) this.#unitOf.set(key, unit)
    for (const talk of talks) {
      const unit = this.#unitOf.get(talk.key)
      if (unit === undefined || unit === this.#unitOf.get(talk.with)) continue
      this.#talks.set(unit, [...(this.#talks.get(unit) ?? []), talk])
    }
  }

  ties(unit: MoveUnit): Ties {
    const ties: Ties = new Map()
    for (const talk of this.#talks.get(unit) ?? []) {
      const other = this.#unitOf.get(talk.with)
      const at = other === undefined ? talk.at : (this.#place.get(other) ?? this.#self)
      ties.set(at, (ties.get(at) ?? 0) + talk.rate)
    }
    return ties
  }

  move(unit: MoveUnit, target: NodeId): void {
    this.#place.set(unit, target)
  }

  get self(): NodeId {
    return this.#self
  }
}

function bestOf(
  waiting: ReadonlySet<MoveUnit>,
  knots: Knots,
  room: ReadonlyMap<NodeId, Room>,
  options: LocalityOptions,
): Candidate | undefined {
  let best: Candidate | undefined
  for (const unit of waiting) {
    const ties = knots.ties(unit)
    const here = ties.get(knots.self) ?? 0
    const size = loadScore(unit.load, options.capacity)
    for (const [target, rate] of ties) {
      const gain = rate - here
      const pays = gain >= options.gainMin && rate >= here * options.ratioMin
      const there = room.get(target)
      const fits = there !== undefined && size <= there.left && canCarry(there.labels, unit)
      if (pays && fits && gain > (best?.gain ?? 0)) best = { unit, target, gain }
    }
  }
  return best
}

/** How much the node that may be a target in this round can take; none, where it is not this node's turn. */
function roomAt(
  { self, view, loads, round }: LocalityInput,
  { slack, scoreMin, capacity }: LocalityOptions,
): Map<NodeId, Room> {
  const scores = scoresOf(view, loads, capacity)
  const target = targetOf(
    self,
    scores.filter((node) => node.isActive),
    round,
  )
  if (target === undefined) return new Map()
  const { nodeId, labels, score, weight } = target
  const limit = Math.max(scoreMin, meanScore(scores) * (1 + slack))
  return new Map([[nodeId, { labels, left: (limit - score) * weight }]])
}

/**
 * As in a tournament all nodes are in pairs, others in each two rounds, until each has met each. In the first of the two those move that
 * come first by name, in the second the others: so whoever is moved to stands still itself.
 */
function targetOf(self: NodeId, nodes: readonly NodeScore[], round: number): NodeScore | undefined {
  const players = nodes.toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1))
  const place = players.findIndex(({ nodeId }) => nodeId === self)
  const other = opponentOf(place, players.length, Math.floor(round / 2))
  const isTurn = place < other === (round % 2 === 0)
  return place >= 0 && isTurn ? players[other] : undefined
}

/**
 * Whom a player meets in a day of a tournament of so many: who is at the place that makes the sum of both the day's number. The last
 * of an even number meets whoever would meet himself, who has no game otherwise.
 */
function opponentOf(place: number, players: number, day: number): number {
  const days = players % 2 === 0 ? players - 1 : players
  const last = players - 1
  // Of an odd number of days each is twice one place: half of it, where halves are whole.
  const alone = ((day % days) * ((days + 1) / 2)) % days
  if (players % 2 === 0 && place === last) return alone
  if (place === alone) return players % 2 === 0 ? last : -1
  return (((day - place) % days) + days) % days
}
