/**
 * Entities that come to this node from another: rebuilt at once, run when the owner has decided that they live here.
 *
 * Calls for one that is on its way wait in its mailbox. It is not claimed at the store: that would be a commit in the midst of its
 * pause, and would tell nothing. Who sealed it had the answers to all its writes, and writes no more unless the owner says that
 * it stays; this node writes nothing unless the owner says that it lives here. So what came is what is saved, and the
 * first write under the new epoch raises the stored one.
 */
import { parseEntityId } from '@epicserver/contracts'
import type { ClusterMember, EntityEffect, EntityKey } from '@epicserver/fabric'
import type { Activation } from '@epicserver/kernel'
import type { EntityNode } from '../node/node.ts'
import { isSealedEntity, setTimersAgain, unsealEntity, type SealedEntity } from './sealed-entity.ts'

export interface ArrivalsParts {
  readonly member: ClusterMember
  readonly node: EntityNode
  readonly pump: () => void
}

interface Arrival {
  readonly activation: Activation
  readonly sealed: SealedEntity
}

type EffectOf<K extends EntityEffect['kind']> = EntityEffect & { readonly kind: K }

export class Arrivals {
  readonly #parts: ArrivalsParts
  readonly #arrivals = new Map<EntityKey, Arrival>()

  constructor(parts: ArrivalsParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#arrivals.size
  }

  has(key: EntityKey): boolean {
    return this.#arrivals.has(key)
  }

  handleAdopt({ key, epoch, payload }: EffectOf<'adopt'>): void {
    const { member, node } = this.#parts
    const entity = parseEntityId(key)
    const type = node.kernel.types.get(entity.type)
    if (type === undefined || type.activations.has(entity.id) || !isSealedEntity(payload)) {
      member.residents.refused(key, node.ports.clock.monotonicMs())
      return
    }
    const activation = node.kernel.adopt(type, entity.id, epoch)
    this.#arrivals.set(key, { activation, sealed: payload })
    try {
      unsealEntity(node, { activation, host: node.lifecycle.host, sealed: payload })
      member.residents.adopted(key, node.ports.clock.monotonicMs())
    } catch (error) {
      node.log.warn('an entity that was sent here cannot be taken', { entity: key, error })
      member.residents.refused(key, node.ports.clock.monotonicMs())
      this.#drop(key)
    }
  }

  /** It lives here. */
  handleStart({ key }: EffectOf<'start'>): void {
    const arrival = this.#take(key)
    if (arrival === undefined) return
    const { node } = this.#parts
    const { activation, sealed } = arrival
    setTimersAgain(node, activation, sealed)
    node.lifecycle.expectWelcome(activation)
    node.kernel.handleClaimed(activation)
    node.scheduleDrain()
  }

  /** It does not. */
  handleDrop({ key }: EffectOf<'drop'>): void {
    this.#drop(key)
  }

  #drop(key: EntityKey): void {
    const arrival = this.#take(key)
    if (arrival === undefined) return
    this.#parts.node.kernel.drop(arrival.activation)
    this.#parts.node.scheduleDrain()
  }

  #take(key: EntityKey): Arrival | undefined {
    const arrival = this.#arrivals.get(key)
    this.#arrivals.delete(key)
    return arrival
  }
}
