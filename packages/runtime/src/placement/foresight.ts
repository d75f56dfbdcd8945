/** What a node would move next by itself: how that is told to people. */
import {
  loadScore,
  NO_LOAD,
  type Capacity,
  type EntityKey,
  type Load,
  type Movable,
  type NodeId,
  type PlannedMove,
} from '@epicserver/fabric'

/** What a node would move next by itself, as things are now. */
export interface Foresight {
  readonly node: NodeId
  /** Off: nothing is ever moved for balance. Settled: nothing would move. */
  readonly why: 'load' | 'talk' | 'settled' | 'off'
  /** How long until then. */
  readonly inMs: number
  /** How many entities; those that follow the leader of their group come on top, as far as no sample tells of them. */
  readonly count: number
  /** The heaviest of them. */
  readonly heaviest: readonly ForeseenMove[]
}

export interface ForeseenMove {
  readonly entity: EntityKey
  readonly to: NodeId
  readonly load: Load
}

/** As many as one looks at. */
const HEAVIEST_MAX = 10

/** The heaviest of what is to move, the heaviest first. */
export function heaviestOf(
  moves: readonly PlannedMove[],
  movables: readonly Movable[],
  capacity: Capacity,
): ForeseenMove[] {
  const loads = new Map(movables.map(({ key, load }) => [key, load]))
  return moves
    .map(({ key, target }) => ({ entity: key, to: target, load: loads.get(key) ?? NO_LOAD }))
    .toSorted((a, b) => loadScore(b.load, capacity) - loadScore(a.load, capacity))
    .slice(0, HEAVIEST_MAX)
}
