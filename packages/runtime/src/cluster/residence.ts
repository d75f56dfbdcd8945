/**
 * Performs what the fabric asks for single entities: activate a guest, send one away, take one in.
 *
 * A guest is an entity that lives here while another node owns its partition. Its activation is like any other; what differs is who
 * gave its epoch, and that its owner is told when it ends.
 */
import { formatEntityId, parseEntityId } from '@epicserver/contracts'
import type { ClusterMember, EntityEffect, EntityKey, NodeId } from '@epicserver/fabric'
import type { Activation } from '@epicserver/kernel'
import type { EntityNode } from '../node/node.ts'
import { Arrivals } from './arrivals.ts'
import type { Confirmations } from './confirmations.ts'
import { Departures } from './departures.ts'
import type { Whereabouts } from './whereabouts.ts'

export interface ResidenceParts {
  readonly member: ClusterMember
  readonly node: EntityNode
  readonly whereabouts: Whereabouts
  readonly confirmations: Confirmations
  /** Residents were told something: perform what they want. */
  readonly pump: () => void
  /** Calls that did not know where to go look again. */
  readonly release: () => void
  /** An entity has moved from here to another node. */
  readonly onMoved: (key: EntityKey, to: NodeId) => void
}

/** The key under which the fabric knows an activation's entity. */
export function keyOf({ type, id }: Activation): EntityKey {
  return formatEntityId({ type: type.plan.name, id })
}

export class Residence {
  readonly departures: Departures
  readonly arrivals: Arrivals
  readonly #parts: ResidenceParts

  constructor(parts: ResidenceParts) {
    this.#parts = parts
    this.departures = new Departures(parts)
    this.arrivals = new Arrivals(parts)
  }

  perform(effect: EntityEffect): void {
    switch (effect.kind) {
      case 'granted':
        this.#begin(effect.key, effect.epoch)
        break
      case 'elsewhere':
        this.#parts.whereabouts.handleElsewhere(effect.key, effect)
        break
      case 'seal':
        this.departures.handleSeal(effect)
        break
      case 'adopt':
        this.arrivals.handleAdopt(effect)
        this.#bringWaiting(effect.key)
        break
      case 'start':
        this.arrivals.handleStart(effect)
        break
      case 'drop':
        this.arrivals.handleDrop(effect)
        break
      case 'moved':
        this.departures.handleMoved(effect)
        this.#parts.onMoved(effect.key, effect.host)
        break
      case 'resume':
        this.departures.handleResume(effect)
        break
    }
  }

  /** The activation of an entity, if it is in memory here. */
  find(key: EntityKey): Activation | undefined {
    const { type, id } = parseEntityId(key)
    return this.#parts.node.kernel.types.get(type)?.activations.get(id)
  }

  /** Whether an activation is on its way in or out: then its fate is not this node's to decide. */
  isOnTheMove(activation: Activation): boolean {
    if (this.departures.size === 0 && this.arrivals.size === 0) return false
    const key = keyOf(activation)
    return this.departures.has(key) || this.arrivals.has(key)
  }

  /** Whether the owner has still to say where an activation lives: until then the fabric speaks for it. */
  isUndecided(activation: Activation): boolean {
    return this.isOnTheMove(activation) && !this.departures.isResuming(keyOf(activation))
  }

  handleRested(activation: Activation): void {
    if (this.departures.size > 0) this.departures.handleRested(keyOf(activation), activation)
  }

  /** An activation has ended. */
  handleGone(activation: Activation): void {
    const { residents } = this.#parts.member
    this.#parts.confirmations.handleEnded(activation)
    if (this.departures.size > 0) this.departures.handleGone(keyOf(activation), activation)
    if (!residents.hasGuests) return
    const key = keyOf(activation)
    if (residents.guest(key)?.epoch !== activation.epoch || residents.isMoving(key)) return
    residents.release(key, this.#parts.node.ports.clock.monotonicMs())
    this.#parts.pump()
  }

  /** The owner has granted that an entity lives here. */
  #begin(key: EntityKey, epoch: bigint): void {
    const { node } = this.#parts
    const { type: name, id } = parseEntityId(key)
    const type = node.kernel.types.get(name)
    if (type !== undefined && !type.activations.has(id)) node.kernel.activate(type, id, epoch)
    this.#bringWaiting(key)
  }

  /** Calls that waited for the owner's word go to what is here now: it was given, or will not come since the entity is on its way. */
  #bringWaiting(key: EntityKey): void {
    const { node, whereabouts } = this.#parts
    for (const call of whereabouts.takeWaiting(key)) node.dispatch(call)
    this.#parts.release()
    node.scheduleDrain()
  }
}
