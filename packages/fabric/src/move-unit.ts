/** Entities as planners see them: what moves as one, and what that weighs. */
import type { NodeId } from './effects.ts'
import { addLoads, DEFAULT_CAPACITY, loadScore, NO_LOAD } from './load.ts'
import type { Capacity, Load } from './load.ts'
import type { EntityKey } from './peer-message.ts'
import type { View } from './view.ts'

/** An entity that lives at this node and may be moved. */
export interface Movable {
  readonly key: EntityKey
  readonly load: Load
  /** Entities of one group move together, or not at all. */
  readonly group?: string
  /** It may live at members only that carry this label. */
  readonly label?: string
  /** How long it has been here; what has just come stays a while. */
  readonly sinceMs: number
}

/** A move that a planner asks for. */
export interface PlannedMove {
  readonly key: EntityKey
  readonly target: NodeId
}

/** Entities that move as one. */
export interface MoveUnit {
  readonly keys: readonly EntityKey[]
  readonly load: Load
  readonly sinceMs: number
  /** All labels that its entities ask for. */
  readonly labels: readonly string[]
}

/** Joins entities to what moves as one; a group has been here as long as its youngest member. */
export function unitsOf(movables: readonly Movable[]): MoveUnit[] {
  const groups = new Map<string, MoveUnit>()
  const units: MoveUnit[] = []
  for (const { key, load, group, sinceMs, label } of movables) {
    const labels = label === undefined ? [] : [label]
    if (group === undefined) {
      units.push({ keys: [key], load, sinceMs, labels })
      continue
    }
    const before = groups.get(group) ?? { keys: [], load: NO_LOAD, sinceMs: Infinity, labels: [] }
    groups.set(group, {
      keys: [...before.keys, key],
      load: addLoads(before.load, load),
      sinceMs: Math.min(before.sinceMs, sinceMs),
      labels: [...before.labels, ...labels],
    })
  }
  return [...units, ...groups.values()]
}

/** Whether a member with these labels may have the unit. */
export function canCarry(labels: readonly string[], unit: MoveUnit): boolean {
  return unit.labels.every((label) => labels.includes(label))
}

/** How full a node is against its weight, and who may take entities. */
export interface NodeScore {
  readonly nodeId: NodeId
  readonly weight: number
  readonly score: number
  readonly isActive: boolean
  readonly labels: readonly string[]
}

/** The scores of all members whose load is known; others are left out of any plan. */
export function scoresOf(
  view: View,
  loads: ReadonlyMap<NodeId, Load>,
  capacity: Capacity = DEFAULT_CAPACITY,
): NodeScore[] {
  return view.members.flatMap(({ nodeId, weight, state, labels }) => {
    const load = loads.get(nodeId)
    if (load === undefined) return []
    const share = Math.max(1, weight)
    return [
      {
        nodeId,
        weight: share,
        score: loadScore(load, capacity) / share,
        isActive: state === 'active',
        labels,
      },
    ]
  })
}

/** What all members would be at, if load were spread by weight. Draining members count with their load and no weight. */
export function meanScore(scores: readonly NodeScore[]): number {
  const weight = scores.reduce((sum, node) => sum + (node.isActive ? node.weight : 0), 0)
  const total = scores.reduce((sum, node) => sum + node.score * node.weight, 0)
  return weight === 0 ? 0 : total / weight
}
