/**
 * Entities that live beside another and go with it: a group that moves together.
 *
 * A group is an entity, its *leader*, with all whose class says `placement: { near }` of it, and those near them. When the leader
 * has moved away from this node, by whatever hand, those who are here follow it, some at a time; each by itself, so that one that
 * finds no quiet moment holds up none. To the planners they are one unit: what they weigh and say, they weigh and say together.
 */
import { formatEntityId } from '@epicserver/contracts'
import type { EntityKey, NodeId } from '@epicserver/fabric'
import type { Activation } from '@epicserver/kernel'
import { keyOf, type Residence } from '../cluster/residence.ts'
import type { EntityNode } from '../node/node.ts'
import { neighbourOf } from './neighbours.ts'

export interface CompanionsParts {
  readonly node: EntityNode
  readonly residence: () => Residence
}

/** So far up a leader is looked for: as deep as neighbours are. */
const DEPTH_MAX = 4

export class Companions {
  readonly #parts: CompanionsParts
  /** Who is here beside whom, by the one whom they are beside. */
  readonly #beside = new Map<EntityKey, Set<Activation>>()
  readonly #neighbours = new Map<Activation, EntityKey>()
  /** Those who are to follow, and where to. */
  readonly #following: { readonly activation: Activation; readonly target: NodeId }[] = []
  #underWay = 0

  constructor(parts: CompanionsParts) {
    this.#parts = parts
  }

  /** An activation begins to live here. */
  handleAwake(activation: Activation): void {
    const neighbour = this.#neighbourOf(activation)
    if (neighbour === undefined) return
    this.#neighbours.set(activation, neighbour)
    const others = this.#beside.get(neighbour) ?? new Set()
    this.#beside.set(neighbour, others.add(activation))
  }

  /** An activation has ended, or lives elsewhere. */
  handleGone(activation: Activation): void {
    const neighbour = this.#neighbours.get(activation)
    if (neighbour === undefined) return
    this.#neighbours.delete(activation)
    const others = this.#beside.get(neighbour)
    others?.delete(activation)
    if (others?.size === 0) this.#beside.delete(neighbour)
  }

  /** An entity has moved from here to another node: those beside it go there, too. */
  handleMoved(key: EntityKey, target: NodeId): void {
    for (const activation of this.#beside.get(key) ?? [])
      this.#following.push({ activation, target })
    this.#followOn()
  }

  /** Who leads the group of an entity, whether here or not; `undefined` for one that is in no group. */
  leaderOf(activation: Activation): EntityKey | undefined {
    const first = this.#neighbours.get(activation)
    const chain = [keyOf(activation)]
    for (let next = first; next !== undefined && chain.length <= DEPTH_MAX;) {
      // Of those who are beside each other in a ring one has to go first.
      if (chain.includes(next)) return chain.toSorted()[0]
      chain.push(next)
      const above = this.#parts.residence().find(next)
      next = above && this.#neighbours.get(above)
    }
    const leader = chain.at(-1) as EntityKey
    return first !== undefined || this.#beside.has(leader) ? leader : undefined
  }

  /** Whether an entity need only wait to be taken along: the leader of its group is on its way. */
  isLed(activation: Activation): boolean {
    const leader = this.leaderOf(activation)
    if (leader === undefined) return false
    const leading = this.#parts.residence().find(leader)
    return leading !== undefined && leading !== activation
  }

  #followOn(): void {
    const { node, residence } = this.#parts
    while (this.#underWay < node.limits.movesAtOnceMax) {
      const next = this.#following.shift()
      if (next === undefined) return
      const { activation, target } = next
      if (activation.state !== 'active' || residence().isOnTheMove(activation)) continue
      this.#underWay += 1
      void residence()
        .departures.begin(keyOf(activation), activation, target)
        .then(() => {
          this.#underWay -= 1
          this.#followOn()
        })
    }
  }

  #neighbourOf({ type, id }: Activation): EntityKey | undefined {
    const { node } = this.#parts
    try {
      const neighbour = neighbourOf(node.description(type.plan.name), id, node.pool)
      return neighbour && formatEntityId(neighbour)
    } catch (error) {
      node.log.debug('an entity is in no group', { entity: `${type.plan.name}/${id}`, error })
      return undefined
    }
  }
}
