/**
 * The host's side: entities of other owners that live here.
 *
 * A call may arrive for an entity that is not here, by a hint or an owner's word that this is its place. The host asks the
 * entity's owner for a grant while the calls wait; whatever was true when the call was sent, the owner knows now. An answer
 * counts only for the question that is open, so a late duplicate activates nothing.
 *
 * | state | on | becomes |
 * | --- | --- | --- |
 * | elsewhere | `want` | asked |
 * | asked | `grant` / `refuse` / another owner | live (effect `granted`) / elsewhere (effect `elsewhere`) / asked anew |
 * | live | `release`, or moved away / this node becomes its owner | elsewhere / at home |
 *
 * When an entity has moved away its new place is kept a while, so that who still comes here is sent on at once.
 */
import type { NodeId } from './effects.ts'
import { POINTER_MS } from './limits.ts'
import type { Location } from './location-cache.ts'
import type { Mutation } from './mutation.ts'
import type { EntityKey, EntityMessage } from './peer-message.ts'
import type { Place, Resident, Standing } from './standing.ts'

interface Ask {
  readonly place: Place
  readonly nonce: number
  readonly askAt: number
}

interface Pointer extends Location {
  readonly until: number
}

/** How guests are kept. */
export interface GuestsOptions {
  readonly askEveryMs: number
  readonly mutations: ReadonlySet<Mutation>
}

/** All that lives at this node without being at home. */
export class Guests {
  readonly #standing: Standing
  readonly #options: GuestsOptions
  readonly #live = new Map<EntityKey, Resident>()
  /** The same by partition: a view change asks for each partition what lives here. */
  readonly #byPartition = new Map<number, Map<EntityKey, Resident>>()
  /** In the order in which they are due: there may be very many, and each event asks for the first. */
  readonly #asks = new Map<EntityKey, Ask>()
  readonly #pointers = new Map<EntityKey, Pointer>()
  #lastNonce = 0

  constructor(standing: Standing, options: GuestsOptions) {
    this.#standing = standing
    this.#options = options
  }

  get residents(): Iterable<Resident> {
    return this.#live.values()
  }

  get size(): number {
    return this.#live.size
  }

  get wakeAtMs(): number {
    for (const { askAt } of this.#asks.values()) return askAt
    return Infinity
  }

  get(key: EntityKey): Resident | undefined {
    return this.#live.get(key)
  }

  /** Whether it is remembered of some entity where it went. */
  get hasPointers(): boolean {
    return this.#pointers.size > 0
  }

  /** The guests of one partition. */
  of(partition: number): Iterable<Resident> {
    return this.#byPartition.get(partition)?.values() ?? []
  }

  /** Where an entity went that lived here a while ago. */
  pointer(key: EntityKey, now: number): Location | undefined {
    const pointer = this.#pointers.get(key)
    return pointer !== undefined && now < pointer.until ? pointer : undefined
  }

  /** A call is here for an entity that is not: asks its owner, unless that is under way. */
  want(place: Place, now: number): void {
    if (this.#live.has(place.key) || this.#asks.has(place.key)) return
    this.#ask(place, now)
  }

  /** The entity itself is on its way here: no question is open any more. Returns the arrival's number, above those of all questions. */
  cancel(key: EntityKey): number {
    this.#asks.delete(key)
    return this.#nextNonce()
  }

  /** The activation has ended by itself. */
  release(key: EntityKey): void {
    const resident = this.#live.get(key)
    const owner = resident && this.#standing.ownerOf(resident.partition)
    this.#remove(key)
    if (resident === undefined || owner === undefined) return
    this.#standing.tell(owner, resident, { kind: 'released', epoch: resident.epoch })
  }

  /** An entity lives here from now on: it moved in, or stayed when its partition went. */
  admit(resident: Resident): void {
    this.#pointers.delete(resident.key)
    this.#asks.delete(resident.key)
    this.#live.set(resident.key, resident)
    const others = this.#byPartition.get(resident.partition) ?? new Map<EntityKey, Resident>()
    this.#byPartition.set(resident.partition, others.set(resident.key, resident))
  }

  /** It has moved away. */
  sendOff(key: EntityKey, to: Location, now: number): void {
    this.#remove(key)
    for (const [old, { until }] of this.#pointers) {
      if (now < until) break
      this.#pointers.delete(old)
    }
    this.#pointers.delete(key)
    this.#pointers.set(key, { ...to, until: now + POINTER_MS })
  }

  /** This node owns the partition now: its guests of that partition are at home. */
  takeHome(partition: number): void {
    for (const { key } of this.of(partition)) this.#live.delete(key)
    this.#byPartition.delete(partition)
  }

  /** A new view: what was asked of owners that are no more is asked of the new ones, soon. */
  handleView(now: number): void {
    for (const [key, { place }] of this.#asks) {
      this.#asks.set(key, { place, nonce: this.#nextNonce(), askAt: now })
    }
  }

  handleMessage(from: NodeId, message: EntityMessage): void {
    if (message.kind !== 'grant' && message.kind !== 'refuse') return
    const { key, partition } = message
    const isAsked = this.#asks.get(key)?.nonce === message.nonce
    if (!isAsked && !this.#options.mutations.has('lateGrantsTaken')) return
    this.#asks.delete(key)
    if (message.kind === 'grant') {
      this.admit({ key, partition, epoch: message.epoch })
      this.#standing.emit({ kind: 'granted', key, partition, epoch: message.epoch })
    } else {
      const { host, epoch } = message
      this.#standing.emit({ kind: 'elsewhere', key, partition, host, epoch })
    }
  }

  handleTick(now: number): void {
    for (const { place, askAt } of this.#asks.values()) {
      if (now < askAt) return
      this.#ask(place, now)
    }
  }

  #remove(key: EntityKey): void {
    const resident = this.#live.get(key)
    if (resident === undefined) return
    this.#live.delete(key)
    const others = this.#byPartition.get(resident.partition)
    others?.delete(key)
    if (others?.size === 0) this.#byPartition.delete(resident.partition)
  }

  #ask(place: Place, now: number): void {
    const nonce = this.#nextNonce()
    const owner = this.#standing.ownerOf(place.partition)
    this.#asks.delete(place.key)
    this.#asks.set(place.key, { place, nonce, askAt: now + this.#options.askEveryMs })
    if (owner !== undefined) this.#standing.tell(owner, place, { kind: 'askGrant', nonce })
  }

  #nextNonce(): number {
    this.#lastNonce += 1
    return this.#lastNonce
  }
}
