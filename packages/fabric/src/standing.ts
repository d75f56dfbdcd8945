/** What the parts that keep entities' places need to know of their node, and how they speak to others. */
import type { EntityEffect, NodeId } from './effects.ts'
import type { EntityKey, EntityStatement } from './peer-message.ts'

/** An entity with the partition that its name falls into. */
export interface Place {
  readonly key: EntityKey
  readonly partition: number
}

/** An entity that lives at a node. */
export interface Resident extends Place {
  readonly epoch: bigint
}

/** A node's standing in the cluster. */
export interface Standing {
  readonly self: NodeId
  ownerOf(partition: number): NodeId | undefined
  /** The epoch of a partition in the view of this node. */
  termOf(partition: number): number
  isServing(partition: number): boolean
  isMember(nodeId: NodeId): boolean
  nextGrantEpoch(partition: number): bigint
  /** Tells a member something about an entity; itself too. */
  tell(to: NodeId, about: Place, statement: EntityStatement): void
  /** Asks the world for something. */
  emit(effect: EntityEffect): void
}
