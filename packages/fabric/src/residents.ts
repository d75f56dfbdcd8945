/**
 * Where entities live: the node's part in the directory, as host, as owner, as source and target of moves, and as caller.
 *
 * It sorts messages about entities to the side that they concern, and lets through only what may be believed: what an
 * owner says, from the owner, in its present term; what a host asks, only where this node serves the partition in that
 * term. Words of this node to itself (it may be owner, host and target at once) take the same way, after the event.
 *
 * What it does not do: it runs nothing, saves nothing and queues no calls. The runtime keeps calls while it is told to
 * wait, and performs `granted`, `seal`, `adopt`, `start`, `drop`, `moved`, `resume` and `elsewhere`.
 */
import { Directory } from './directory.ts'
import type { NamedReport } from './directory.ts'
import type { Effect, EntityEffect, NodeId } from './effects.ts'
import { Guests } from './guests.ts'
import { LocationCache } from './location-cache.ts'
import type { Location } from './location-cache.ts'
import { Movement } from './movement.ts'
import type { Mutation } from './mutation.ts'
import type { EntityKey, EntityMessage, EntityStatement, LiveReport } from './peer-message.ts'
import type { Place, Resident, Standing } from './standing.ts'
import type { View } from './view.ts'

/** Where a call for an entity goes. */
export type Route =
  /** To this node: it lives here, or is at home here. */
  | { readonly kind: 'here' }
  /** To that node; `epoch` says how fresh the knowledge is. */
  | { readonly kind: 'at'; readonly host: NodeId; readonly epoch: bigint }
  /** Nobody serves it yet: keep the call. */
  | { readonly kind: 'wait' }

/** What residents need of their member. */
export interface ResidentsOptions {
  readonly self: () => NodeId
  readonly view: () => View | undefined
  readonly isServing: (partition: number) => boolean
  readonly nextGrantEpoch: (partition: number) => bigint
  readonly canServe: (now: number) => boolean
  /** The monotonic clock, with the time that it missed. */
  readonly at: (now: number) => number
  /** The member's own effects: messages to peers. */
  readonly emit: (effect: Effect) => void
  readonly askEveryMs: number
  readonly mutations: ReadonlySet<Mutation>
}

const OWNERS_BUSINESS: ReadonlySet<string> = new Set([
  'askGrant',
  'released',
  'prepareMove',
  'commitMove',
  'abortMove',
] satisfies EntityMessage['kind'][])
const NOTHING: readonly LiveReport[] = []
const BETWEEN_HOSTS: ReadonlySet<string> = new Set([
  'transfer',
  'transferFailed',
] satisfies EntityMessage['kind'][])

/** The places of entities, as one node knows and decides them. */
export class Residents {
  readonly #options: ResidentsOptions
  readonly #standing: Standing
  readonly #directory: Directory
  readonly #guests: Guests
  readonly #movement: Movement
  readonly #cache = new LocationCache()
  readonly #toSelf: EntityMessage[] = []
  readonly #effects: EntityEffect[] = []

  constructor(options: ResidentsOptions) {
    this.#options = options
    this.#standing = standingOf(
      options,
      (to, message) => this.#send(to, message),
      (effect) => this.#effects.push(effect),
    )
    this.#directory = new Directory(this.#standing)
    this.#guests = new Guests(this.#standing, options)
    this.#movement = new Movement(this.#standing, options, {
      onStayed: (resident) => this.#stay(resident),
      onGone: (key, to, now) => this.#guests.sendOff(key, to, now),
      onArriving: (key) => this.#guests.cancel(key),
      canAdopt: (place, epoch) => this.#canAdopt(place, epoch),
    })
  }

  // What the application asks for

  /** Where a call for an entity goes from here. */
  route(place: Place, now: number): Route {
    const { self } = this.#standing
    if (!this.#options.canServe(now)) return { kind: 'wait' }
    if (this.#guests.get(place.key) !== undefined) return { kind: 'here' }
    if (this.#standing.isServing(place.partition)) {
      const entry = this.#directory.find(place)
      return entry === undefined || entry.host === self
        ? { kind: 'here' }
        : { kind: 'at', host: entry.host, epoch: entry.epoch }
    }
    const known = this.#lastKnown(place.key, this.#options.at(now))
    if (known !== undefined && known.host !== self) return { kind: 'at', ...known }
    const owner = this.#standing.ownerOf(place.partition)
    if (owner === undefined || owner === self) return { kind: 'wait' }
    return { kind: 'at', host: owner, epoch: 0n }
  }

  /**
   * Puts an entity that is active nowhere at a node, as a placement policy chose; the owner says so, before it would activate
   * it. Returns where it is, which is elsewhere when another choice was made before.
   */
  place(place: Place, host: NodeId, now: number): Route {
    if (this.#standing.isServing(place.partition) && this.#standing.isMember(host)) {
      this.#directory.place(place, host)
    }
    return this.route(place, now)
  }

  /**
   * What to do with a call that came from another node for an entity that is not active here. `epoch` is how fresh the sender's
   * knowledge was. `wait`: its owner is asked, or it is on its way here; keep the call until `granted`, `start`, `elsewhere` or
   * `drop` (then ask again).
   */
  resolve(place: Place, epoch: bigint, now: number): Route {
    if (!this.#options.canServe(now)) return { kind: 'wait' }
    if (this.#standing.isServing(place.partition)) return this.route(place, now)
    if (this.#guests.get(place.key) !== undefined) return { kind: 'here' }
    if (this.#movement.isArriving(place.key)) return { kind: 'wait' }
    const pointer = this.#guests.pointer(place.key, this.#options.at(now))
    if (pointer !== undefined && pointer.epoch > epoch && this.#standing.isMember(pointer.host)) {
      return { kind: 'at', host: pointer.host, epoch: pointer.epoch }
    }
    this.#act(now, (at) => this.#guests.want(place, at))
    return { kind: 'wait' }
  }

  /** An activation that lived away from home has ended by itself. */
  release(key: EntityKey, now: number): void {
    this.#act(now, () => {
      this.#movement.forget(key)
      this.#guests.release(key)
    })
  }

  /** Begins to move an entity that is active here. */
  move(resident: Resident, target: NodeId, now: number): void {
    this.#act(now, (at) => this.#movement.depart(resident, target, at))
  }

  /** Begins to move entities to one node; each succeeds or stays by itself, so that none holds up the others. */
  moveGroup(residents: Iterable<Resident>, target: NodeId, now: number): void {
    for (const resident of residents) this.move(resident, target, now)
  }

  /** After `seal`: the entity has stopped between two turns, and this is all there is of it. */
  sealed(key: EntityKey, payload: unknown, now: number): void {
    this.#act(now, () => this.#movement.seal(key, payload))
  }

  /** After `seal`: it cannot be. `resume` follows. */
  giveUp(key: EntityKey, now: number): void {
    this.#act(now, (at) => this.#movement.giveUp(key, at))
  }

  /** After `adopt`: rebuilt. `start` or `drop` follows. */
  adopted(key: EntityKey, now: number): void {
    this.#act(now, (at) => this.#movement.adopt(key, at))
  }

  /** After `adopt`: it could not be rebuilt. */
  refused(key: EntityKey, now: number): void {
    this.#act(now, () => this.#movement.refuse(key))
  }

  /** An answer said where an entity is. */
  learn(key: EntityKey, host: NodeId, epoch: bigint): void {
    this.#cache.learn(key, { host, epoch })
  }

  /** An answer said that an entity is not where it was looked for. */
  forget(key: EntityKey, host: NodeId): void {
    this.#cache.forget(key, host)
  }

  // What the world must do

  /** The next thing to do for an entity; poll it together with the member's effects. */
  pollEffect(): EntityEffect | undefined {
    return this.#effects.shift()
  }

  // What holds

  /** The entities that live here without being at home. */
  get guests(): Iterable<Resident> {
    return this.#guests.residents
  }

  /** Whether any entity lives here without being at home. */
  get hasGuests(): boolean {
    return this.#guests.size > 0
  }

  /** The entity, if it lives here without being at home. */
  guest(key: EntityKey): Resident | undefined {
    return this.#guests.get(key)
  }

  /** Whether calls for entities of other owners may have to go elsewhere than to those. */
  get hasHints(): boolean {
    return this.#guests.size > 0 || this.#guests.hasPointers || this.#cache.size > 0
  }

  /** Whether an entity that is not active here went from here to a place that is remembered. */
  isPointedTo(key: EntityKey, now: number): boolean {
    return this.#guests.pointer(key, this.#options.at(now)) !== undefined
  }

  /** Whether some entity of an owned partition lives elsewhere: the others need not be asked about. */
  hasAway(partition: number): boolean {
    return this.#directory.hasEntries(partition)
  }

  /** How many entities of the owned partitions live elsewhere. */
  get awayCount(): number {
    return this.#directory.size
  }

  /** How many entities are on their way out of this node. */
  get departingCount(): number {
    return this.#movement.departing
  }

  /** Whether nothing lives here, or is on its way from here, that is not at home. */
  get isEmpty(): boolean {
    return this.#guests.size === 0 && this.#movement.departing === 0
  }

  isMoving(key: EntityKey): boolean {
    return this.#movement.isMoving(key)
  }

  // What the member tells

  get wakeAtMs(): number {
    return Math.min(this.#guests.wakeAtMs, this.#movement.wakeAtMs)
  }

  /** A view was installed. */
  handleView(now: number): void {
    const isMember = (nodeId: NodeId): boolean => this.#standing.isMember(nodeId)
    for (const partition of this.#directory.partitions) {
      if (!this.#standing.isServing(partition)) this.#directory.close(partition)
    }
    this.#cache.prune(isMember)
    this.#directory.prune()
    this.#guests.handleView(now)
  }

  /** What this node says lives with it of a partition that is, or will be, another's. */
  reports(partition: number): readonly LiveReport[] {
    // Asked for each of many partitions in turn, and most nodes have nothing to say of any.
    if (this.#guests.size === 0 && this.#movement.isIdle) return NOTHING
    const live: LiveReport[] = []
    for (const resident of this.#guests.of(partition)) {
      if (!this.#movement.isMoving(resident.key)) live.push({ ...resident, state: 'live' })
    }
    return [...live, ...this.#movement.reports(partition)]
  }

  /** A partition is served here from now on. */
  handleGained(partition: number, reports: readonly NamedReport[]): void {
    this.#directory.open(partition, this.#options.mutations.has('reportsIgnored') ? [] : reports)
    this.#guests.takeHome(partition)
  }

  /** Entities of partitions that went to another owner, which go on here. */
  handleStaying(residents: Iterable<Resident>): void {
    for (const resident of residents) this.#guests.admit(resident)
  }

  handleMessage(from: NodeId, message: EntityMessage, now: number): void {
    this.#take(from, message, now)
  }

  handleTick(now: number): void {
    this.#guests.handleTick(now)
    this.#movement.handleTick(now)
  }

  /** Hands on what this node had to tell itself during the event. */
  settle(now: number): void {
    this.#talkToSelf(now)
  }

  /** The member is finished. */
  end(): void {
    this.#effects.length = 0
    this.#toSelf.length = 0
  }

  /** The freshest of what callers said and of where an entity went that lived here. */
  #lastKnown(key: EntityKey, now: number): Location | undefined {
    const cached = this.#cache.get(key)
    const pointer = this.#guests.pointer(key, now)
    const isPointed = pointer !== undefined && pointer.epoch >= (cached?.epoch ?? 0n)
    const known = isPointed ? { host: pointer.host, epoch: pointer.epoch } : cached
    return known !== undefined && this.#standing.isMember(known.host) ? known : undefined
  }

  /** Runs a verb of the application, if this node may act at all. */
  #act(now: number, verb: (at: number) => void): void {
    if (!this.#options.canServe(now)) return
    const at = this.#options.at(now)
    verb(at)
    this.#talkToSelf(at)
  }

  #take(from: NodeId, message: EntityMessage, now: number): void {
    const { partition, kind } = message
    const term = this.#standing.termOf(partition)
    // Views begin with 1: 0 stands for a partition that does not exist.
    const isBelieved = term > 0 && message.term === term
    if (!isBelieved && !this.#options.mutations.has('termsIgnored')) return
    if (OWNERS_BUSINESS.has(kind)) {
      if (this.#standing.isServing(partition)) this.#directory.handleMessage(from, message)
      return
    }
    const isOwners = !BETWEEN_HOSTS.has(kind) && isBelieved
    if (isOwners && from !== this.#standing.ownerOf(partition)) return
    if (!this.#standing.isMember(from)) return
    this.#guests.handleMessage(from, message)
    this.#movement.handleMessage(from, message, now)
  }

  #talkToSelf(now: number): void {
    for (;;) {
      const message = this.#toSelf.shift()
      if (message === undefined) return
      this.#take(this.#standing.self, message, now)
    }
  }

  #send(to: NodeId, message: EntityMessage): void {
    if (to === this.#standing.self) this.#toSelf.push(message)
    else this.#options.emit({ kind: 'sendPeer', to, message })
  }

  /** At home an entity is no guest. */
  #stay(resident: Resident): void {
    if (!this.#standing.isServing(resident.partition)) this.#guests.admit(resident)
  }

  #canAdopt(place: Place, epoch: bigint): boolean {
    if (this.#standing.isServing(place.partition)) return this.#directory.awaits(place, epoch)
    return this.#guests.get(place.key) === undefined
  }
}

function standingOf(
  options: ResidentsOptions,
  send: (to: NodeId, message: EntityMessage) => void,
  emit: (effect: EntityEffect) => void,
): Standing {
  let ids: { readonly view: View | undefined; readonly set: ReadonlySet<NodeId> } | undefined
  const memberIds = (): ReadonlySet<NodeId> => {
    const view = options.view()
    if (ids?.view !== view || ids === undefined) {
      ids = { view, set: new Set(view?.members.map((member) => member.nodeId)) }
    }
    return ids.set
  }
  const termOf = (partition: number): number => options.view()?.partitionEpoch[partition] ?? 0
  return {
    get self(): NodeId {
      return options.self()
    },
    ownerOf: (partition) => options.view()?.owner[partition],
    termOf,
    isServing: options.isServing,
    isMember: (nodeId) => memberIds().has(nodeId),
    nextGrantEpoch: options.nextGrantEpoch,
    tell: (to, { key, partition }, statement: EntityStatement) => {
      const viewNo = options.view()?.viewNo ?? 0
      send(to, { viewNo, term: termOf(partition), key, partition, ...statement })
    },
    emit,
  }
}
