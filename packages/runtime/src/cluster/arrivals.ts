/**
 * Entities that come to this node from another: claimed and rebuilt at once, run when the owner has decided that they live here.
 *
 * Calls for one that is on its way wait in its mailbox. What came is only taken if the store has the very version that it was
 * sealed with: a write of the source whose answer was lost may have come after all, and then what the store has is right.
 */
import { isEpicError, parseEntityId, type EntityId } from '@epicserver/contracts'
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
  readonly entity: EntityId
  readonly activation: Activation
  readonly sealed: SealedEntity
}

type EffectOf<K extends EntityEffect['kind']> = EntityEffect & { readonly kind: K }

/** A store that cannot be reached is asked again after so long. */
const RETRY_MS = 10

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
    const arrival = { entity, activation, sealed: payload }
    this.#arrivals.set(key, arrival)
    void this.#claim(key, arrival)
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

  async #claim(key: EntityKey, arrival: Arrival): Promise<void> {
    const { member, node, pump } = this.#parts
    const { entity, activation, sealed } = arrival
    const isCurrent = (): boolean => this.#arrivals.get(key) === arrival && !node.isClosed
    try {
      const version = await this.#versionOf(arrival, isCurrent)
      if (!isCurrent()) return
      if (version !== sealed.version)
        throw new Error(`version ${version} is stored, and ${sealed.version} came`)
      unsealEntity(node, { activation, host: node.lifecycle.host, sealed })
      member.residents.adopted(key, node.ports.clock.monotonicMs())
    } catch (error) {
      if (!isCurrent()) return
      node.log.warn('an entity that was sent here cannot be taken', {
        entity: `${entity.type}/${entity.id}`,
        error,
      })
      member.residents.refused(key, node.ports.clock.monotonicMs())
      this.#drop(key)
    }
    pump()
  }

  /** The version in the store, under the epoch of the arrival; its own where it is in none. */
  async #versionOf(
    { entity, activation, sealed }: Arrival,
    isCurrent: () => boolean,
  ): Promise<bigint> {
    const { node } = this.#parts
    if (activation.type.plan.durability === 'none') return sealed.version
    for (;;) {
      try {
        return (await node.ports.store.claim(entity, activation.epoch)).version
      } catch (error) {
        const isUndecided =
          isEpicError(error) && (error.code === 'Unavailable' || error.code === 'Unknown')
        if (!isUndecided || !isCurrent()) throw error
      }
      await new Promise<void>((resolve) => void node.ports.clock.setTimer(resolve, RETRY_MS))
    }
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
