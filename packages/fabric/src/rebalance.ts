/**
 * Which entities a node gives to others because it is busier than they are.
 *
 * Each node plans for itself, from loads that all have alike. A node above the mean by more than the tolerance gives away what it
 * has too much, biggest pieces first, to those below the mean; all that are above share the room of those below in proportion
 * to their excess, so that together they overfill nobody. Nothing moves that has just come, and no more at a time than the
 * limit says, so rebalancing never becomes the load.
 *
 * A node that drains is no matter of loads: everything leaves it, at a pace that the runtime keeps.
 */
import type { NodeId } from './effects.ts'
import { DEFAULT_CAPACITY, loadScore, WELL_SCORE } from './load.ts'
import type { Capacity, Load } from './load.ts'
import { canCarry, meanScore, scoresOf, unitsOf } from './move-unit.ts'
import type { Movable, MoveUnit, NodeScore, PlannedMove } from './move-unit.ts'
import type { View } from './view.ts'

/** What a plan rests on. */
export interface RebalanceInput {
  readonly self: NodeId
  readonly view: View
  readonly loads: ReadonlyMap<NodeId, Load>
  readonly movables: readonly Movable[]
}

/** How eagerly a node gives away. */
export interface RebalanceOptions {
  readonly movesMax: number
  /** How far above the mean is still well: 0.2 is a fifth. */
  readonly tolerance: number
  /** Below this a node is idle enough to leave alone, whatever the others are. */
  readonly scoreMin: number
  /** What came in less than this ago stays. */
  readonly restMs: number
  readonly capacity: Capacity
}

/** Sums of shares do not come out even in floating point. */
const ROUNDING = 1e-9

/** A round each five seconds that moves no more than a hundred. */
export const DEFAULT_REBALANCE: RebalanceOptions = {
  movesMax: 100,
  tolerance: 0.2,
  scoreMin: WELL_SCORE,
  restMs: 10_000,
  capacity: DEFAULT_CAPACITY,
}

/** The moves that bring this node towards the mean; none when it is not above it. */
export function planRebalance(
  { self, view, loads, movables }: RebalanceInput,
  options: RebalanceOptions = DEFAULT_REBALANCE,
): PlannedMove[] {
  const scores = scoresOf(view, loads, options.capacity)
  const mean = meanScore(scores)
  const own = scores.find((node) => node.nodeId === self)
  if (own === undefined || !isTooBusy(own, mean, options)) return []
  const giving = scores.filter((node) => isTooBusy(node, mean, options))
  const excess = (node: NodeScore): number => (node.score - mean) * node.weight
  const share = excess(own) / giving.reduce((sum, node) => sum + excess(node), 0)
  const targets = scores
    .filter((node) => node.isActive && node.score < mean)
    .map(({ nodeId, labels, score, weight }) => {
      return { nodeId, labels, room: (mean - score) * weight * share }
    })
  const units = unitsOf(movables).filter((unit) => unit.sinceMs >= options.restMs)
  return fill(units, targets, { budget: excess(own), ...options })
}

function isTooBusy(node: NodeScore, mean: number, options: RebalanceOptions): boolean {
  return node.score > options.scoreMin && node.score > mean * (1 + options.tolerance)
}

/** Biggest pieces first, each to whoever has most room, as long as it fits. */
function fill(
  units: readonly MoveUnit[],
  targets: { readonly nodeId: NodeId; readonly labels: readonly string[]; room: number }[],
  { budget, movesMax, capacity }: { budget: number; movesMax: number; capacity: Capacity },
): PlannedMove[] {
  const moves: PlannedMove[] = []
  const sized = units.map((unit) => ({ unit, size: loadScore(unit.load, capacity) }))
  let left = budget
  for (const { unit, size } of sized.toSorted((a, b) => b.size - a.size)) {
    if (size === 0) break
    const target = targets
      .filter(({ labels }) => canCarry(labels, unit))
      .toSorted((a, b) => b.room - a.room)[0]
    if (target === undefined) continue
    const fits = size <= left + ROUNDING && size <= target.room + ROUNDING
    if (!fits || moves.length + unit.keys.length > movesMax) continue
    left -= size
    target.room -= size
    for (const key of unit.keys) moves.push({ key, target: target.nodeId })
  }
  return moves
}
