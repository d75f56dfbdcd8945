/**
 * Where calls go: to the entities of this node, to the node where they live, or into a short wait.
 *
 * The owner of a partition is the home of its entities; where one lives that was placed or moved elsewhere is a matter of
 * `Whereabouts`, which is only asked where there are such entities. A call whose partition has no owner that serves yet (a node was lost, a
 * partition is being handed over) waits here until a newer view says where to go, or until its deadline. A node that gets a
 * call for a partition it no longer owns answers `Moved`; the sender then looks again. So a stale view costs a round trip,
 * never a failed call.
 */
import { EpicError, partitionOf, PARTITIONS } from '@epicserver/contracts'
import type { ClusterMember } from '@epicserver/fabric'
import type { Activation } from '@epicserver/kernel'
import type { ClockGuard } from '../node/clock-guard.ts'
import type { EntityCall } from '../node/entity-call.ts'
import { noteHeld, noteReleased } from '../node/held-calls.ts'
import { RUNTIME_LIMITS } from '../limits.ts'
import type { PeerLink } from './peer-link.ts'
import type { NodeClock, Router } from '../node/ports.ts'
import { partitionOfRef, type RefObject, wayOf } from '../model/ref.ts'
import { PeerCall } from './peer-call.ts'
import type { Companions } from '../placement/companions.ts'
import type { FirstPlaces } from '../placement/first-places.ts'
import type { Residence } from './residence.ts'
import { placeOfRef, type Whereabouts, type Whither } from './whereabouts.ts'

/** What the router needs of the links to other nodes. */
export interface Links {
  to(nodeId: string): PeerLink | undefined
  askAll(
    what: string,
    args: readonly unknown[],
    timeLeftMs: number,
  ): Promise<PromiseSettledResult<unknown>[]>
}

/** What a router is made of. */
export interface ClusterRouterParts {
  readonly member: ClusterMember
  readonly links: Links
  readonly clock: NodeClock
  readonly guard: ClockGuard
  /** Brings a call to its entity here. */
  readonly dispatch: (call: EntityCall) => void
  readonly whereabouts: () => Whereabouts
  readonly residence: () => Residence
  readonly firstPlaces: () => FirstPlaces
  readonly companions: () => Companions
}

/** A call that waits, and what finds its place when it is looked at again. */
interface Held {
  readonly call: EntityCall
  readonly place: () => void
}

export class ClusterRouter implements Router {
  readonly #member: ClusterMember
  readonly #links: Links
  readonly #clock: NodeClock
  readonly #guard: ClockGuard
  readonly #dispatch: (call: EntityCall) => void
  readonly #whereabouts: () => Whereabouts
  readonly #residence: () => Residence
  readonly #firstPlaces: () => FirstPlaces
  readonly #companions: () => Companions
  /** Partitions that this node serves and whose store is open. */
  readonly #ready = new Uint8Array(PARTITIONS)
  #readySet: ReadonlySet<number> | undefined
  #held: Held[] = []
  /** Whose calls those are. */
  #heldRefs = new Set<RefObject>()

  constructor(parts: ClusterRouterParts) {
    this.#member = parts.member
    this.#links = parts.links
    this.#clock = parts.clock
    this.#guard = parts.guard
    this.#dispatch = parts.dispatch
    this.#whereabouts = parts.whereabouts
    this.#residence = parts.residence
    this.#firstPlaces = parts.firstPlaces
    this.#companions = parts.companions
  }

  isHome(ref: RefObject): boolean {
    const partition = partitionOfRef(ref)
    // A view that takes the partition away counts at once; that it is not ready any more follows a moment later.
    if (this.#ready[partition] !== 1 || !this.#member.isServing(partition)) return false
    const { residents } = this.#member
    if (!residents.hasAway(partition)) return true
    return residents.route(placeOfRef(ref), this.#clock.monotonicMs()).kind === 'here'
  }

  isReady(partition: number): boolean {
    return this.#ready[partition] === 1
  }

  get readyPartitions(): ReadonlySet<number> {
    this.#readySet ??= this.#listReady()
    return this.#readySet
  }

  #listReady(): Set<number> {
    const ready = new Set<number>()
    for (let partition = 0; partition < PARTITIONS; partition += 1)
      if (this.#ready[partition] === 1) ready.add(partition)
    return ready
  }

  /** What has no state and may be anywhere needs no epoch either. */
  grantEpoch(type: string, id: string): bigint {
    const partition = partitionOf(type, id)
    return this.#member.isServing(partition) ? this.#member.nextGrantEpoch(partition) : 0n
  }

  canServe(nowMs: number): boolean {
    this.#guard.check(nowMs)
    return this.#member.canServe(nowMs)
  }

  send(call: EntityCall, now: number): void {
    if (this.isHeldFor(call.ref)) {
      this.hold(call)
      return
    }
    const partition = partitionOfRef(call.ref)
    const { residents } = this.#member
    if (call instanceof PeerCall || residents.hasHints || residents.hasAway(partition)) {
      this.#whereabouts().send(call)
      return
    }
    const owner = this.#member.ownerOf(partition)
    const link =
      owner === undefined || owner === this.#member.nodeId ? undefined : this.#links.to(owner)
    if (link === undefined) this.#whereabouts().wait(call)
    else if (wayOf(call.ref) === link) link.send(call, now)
    else this.#whereabouts().sendBy(link, call, 0n)
  }

  mustFollow(call: EntityCall): boolean {
    return !(call instanceof PeerCall) && this.#whereabouts().mustFollow(call)
  }

  beginElsewhere(call: EntityCall): boolean {
    return this.#firstPlaces().beginElsewhere(call)
  }

  askOthers(
    what: string,
    args: readonly unknown[],
    timeLeftMs: number,
  ): Promise<PromiseSettledResult<unknown>[]> {
    return this.#links.askAll(what, args, timeLeftMs)
  }

  homeOf(ref: RefObject): string | undefined {
    return this.#member.ownerOf(partitionOfRef(ref))
  }

  linkTo(nodeId: string): PeerLink | undefined {
    return this.#links.to(nodeId)
  }

  handleRested(activation: Activation): void {
    this.#residence().handleRested(activation)
  }

  handleAwake(activation: Activation): void {
    this.#companions().handleAwake(activation)
  }

  handleGone(activation: Activation): void {
    this.#companions().handleGone(activation)
    this.#residence().handleGone(activation)
  }

  /** How many calls may wait for a place. */
  get heldCallsMax(): number {
    return RUNTIME_LIMITS.heldCallsMax
  }

  /** Keeps a call until it is clear where it goes. */
  hold(call: EntityCall, place: () => void = () => this.#dispatch(call)): boolean {
    if (this.#held.length >= RUNTIME_LIMITS.heldCallsMax) {
      call.fail(
        new EpicError(
          'Overloaded',
          `Cannot call "${call.ref.toString()}": ${this.#held.length} calls wait for an owner of their partition already`,
        ),
      )
      return true
    }
    noteHeld(call)
    this.#heldRefs.add(call.ref)
    this.#held.push({ call, place })
    return true
  }

  /** Whether calls to an entity are kept: what is made now goes behind them, whatever is known meanwhile. */
  isHeldFor(ref: RefObject): boolean {
    return this.#held.length > 0 && this.#heldRefs.has(ref)
  }

  /** Something changed: looks again where the waiting calls go. */
  release(): void {
    const held = this.#held
    this.#held = []
    this.#heldRefs.clear()
    const now = this.#clock.monotonicMs()
    for (const { call, place } of held) {
      noteReleased(call)
      if (call.settled) continue
      if (call.deadlineAt <= now) call.fail(noOwner(call))
      else place()
    }
    this.#whereabouts().release()
  }

  /** This node is about to leave: calls from others that wait here go back to them, without a word of where to go. */
  sendBackHeld(): void {
    this.#sendBack(
      (call): call is PeerCall => call instanceof PeerCall,
      () => undefined,
    )
  }

  /** Calls of a node that wait here go back, with who is the owner now. */
  sendBackHeldOf(nodeId: string): void {
    this.#sendBack(
      (call): call is PeerCall => call instanceof PeerCall && call.from === nodeId,
      ({ ref }) => {
        const host = this.homeOf(ref)
        return host === undefined ? undefined : { host, epoch: 0n }
      },
    )
  }

  #sendBack(isMeant: IsMeant, to: (call: PeerCall) => Whither | undefined): void {
    const held = this.#held
    this.#held = held.filter(({ call }) => !isMeant(call))
    this.#heldRefs = new Set(this.#held.map(({ call }) => call.ref))
    for (const { call } of held) if (isMeant(call)) call.sendBack(to(call))
    this.#whereabouts().sendBackWaiting(isMeant, to)
  }

  get heldCount(): number {
    return this.#held.length
  }

  setReady(partitions: readonly number[], isReady: boolean): void {
    for (const partition of partitions) this.#ready[partition] = isReady ? 1 : 0
    this.#readySet = undefined
    if (isReady) this.release()
  }
}

/** Which calls from other nodes are meant. */
type IsMeant = (call: EntityCall) => call is PeerCall

function noOwner(call: EntityCall): EpicError {
  return new EpicError(
    'Timeout',
    `Cannot call ${call.operation.name} of "${call.ref.toString()}": no node served it before the deadline`,
    { retry: 'safe' },
  )
}
