/**
 * Where entities were last heard to be: a hint, bounded, and never trusted beyond a round trip.
 *
 * A hint that is wrong costs a `Moved` in the answer; a hint that is older than one known is not taken. What was used
 * least recently is forgotten first.
 */
import type { NodeId } from './effects.ts'
import { CACHED_LOCATIONS_MAX } from './limits.ts'
import type { EntityKey } from './peer-message.ts'

/** A place with the epoch in which it was right. */
export interface Location {
  readonly host: NodeId
  readonly epoch: bigint
}

/** A caller's memory of places. */
export class LocationCache {
  readonly #places = new Map<EntityKey, Location>()
  readonly #sizeMax: number

  constructor(sizeMax: number = CACHED_LOCATIONS_MAX) {
    this.#sizeMax = sizeMax
  }

  get size(): number {
    return this.#places.size
  }

  get(key: EntityKey): Location | undefined {
    const place = this.#places.get(key)
    if (place === undefined) return undefined
    this.#places.delete(key)
    this.#places.set(key, place)
    return place
  }

  /** An answer said where the entity is. */
  learn(key: EntityKey, place: Location): void {
    const known = this.#places.get(key)
    if (known !== undefined && known.epoch > place.epoch) return
    this.#places.delete(key)
    this.#places.set(key, place)
    if (this.#places.size <= this.#sizeMax) return
    for (const oldest of this.#places.keys()) {
      this.#places.delete(oldest)
      return
    }
  }

  /** The entity was not there. */
  forget(key: EntityKey, host: NodeId): void {
    if (this.#places.get(key)?.host === host) this.#places.delete(key)
  }

  /** Forgets everything at nodes that are gone. */
  prune(isMember: (nodeId: NodeId) => boolean): void {
    for (const [key, { host }] of this.#places) if (!isMember(host)) this.#places.delete(key)
  }
}
