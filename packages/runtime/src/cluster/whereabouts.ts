/**
 * Where calls go whose entity is not at home here: to its owner, to where it was moved, or into a wait for its owner's word.
 *
 * The fabric's residents know or find out; this part sends, keeps and answers calls by what they say. A call of this node goes
 * out with how fresh the knowledge was by which it is sent. A call from another node that is wrong here goes back to its
 * sender with the place, if one is known (`Moved`): the sender takes it there, so that no node stands between two others for
 * longer than a round trip, and sees to the order of what it sends (`Reroutes`). One that may be right, since the entity was
 * placed here or is on its way, waits until the owner has said so.
 */
import { EpicError, formatEntityId } from '@epicserver/contracts'
import type { ClusterMember, EntityKey, NodeId, Place } from '@epicserver/fabric'
import type { CallHome, EntityCall } from '../node/entity-call.ts'
import { noteHeld, noteReleased } from '../node/held-calls.ts'
import type { NodeClock } from '../node/ports.ts'
import { entityBehind, partitionOfRef, setWay, wayOf, type RefObject } from '../model/ref.ts'
import type { ClusterRouter } from './cluster-router.ts'
import { PeerCall } from './peer-call.ts'
import { PeerLink } from './peer-link.ts'
import { Reroutes, Sweep } from './reroutes.ts'

/** Where an entity is said to be; epoch 0 names its owner, who has it or knows where it is. */
export interface Whither {
  readonly host: NodeId
  readonly epoch: bigint
}

export interface WhereaboutsParts {
  readonly member: ClusterMember
  readonly router: ClusterRouter
  readonly clock: NodeClock
  /** The link to a node, once it is open and as long as calls may be sent to it. */
  readonly to: (nodeId: NodeId) => PeerLink | undefined
  /** The same, although the node is about to leave. */
  readonly standing: (nodeId: NodeId) => PeerLink | undefined
  readonly home: () => CallHome
  /** Whether an entity is in memory here, be it on its way in. */
  readonly isActive: (ref: RefObject) => boolean
  /** Brings a call to its entity here. */
  readonly dispatch: (call: EntityCall) => void
  /** Residents were asked something: perform what they want. */
  readonly pump: () => void
}

/** The place of a ref's entity. */
export function placeOfRef(ref: RefObject): Place {
  return { key: formatEntityId(entityBehind(ref)), partition: partitionOfRef(ref) }
}

export class Whereabouts {
  readonly #parts: WhereaboutsParts
  /** Calls that wait for the word of an entity's owner. */
  readonly #waiting = new Map<EntityKey, EntityCall[]>()
  #waitingCount = 0
  readonly #reroutes: Reroutes

  constructor(parts: WhereaboutsParts) {
    this.#parts = parts
    this.#reroutes = new Reroutes({
      home: parts.home,
      callsMax: parts.router.heldCallsMax,
      onward: (calls, to) => {
        for (const call of calls) {
          if (call.settled) continue
          if (to === undefined) parts.dispatch(call)
          else this.#follow(call, to)
        }
      },
    })
  }

  /** Calls that wait for an owner's word, or for those that went before them. */
  get waitingCount(): number {
    return this.#waitingCount + this.#reroutes.callCount
  }

  /** Takes a call to its entity, which is not active here. */
  send(call: EntityCall): void {
    const { member, clock, router } = this.#parts
    const now = clock.monotonicMs()
    const place = placeOfRef(call.ref)
    // Calls from other nodes are in order by those: two nodes would wait for each other's sweeps.
    if (!(call instanceof PeerCall) && this.#reroutes.keepLater(call)) return
    // By the owner it would come in front of those that came back to here and wait for the owner's word.
    if (this.keepBehind(call)) return
    const route = member.residents.route(place, now)
    if (route.kind === 'at') this.#take(call, route)
    else if (route.kind === 'here' && this.#endStay(place, now)) this.#parts.dispatch(call)
    else router.hold(call)
  }

  /**
   * A call came from another node for an entity that is neither active nor at home here; `epoch` is how fresh its sender's knowledge was.
   */
  receive(call: EntityCall, epoch: bigint): void {
    const { member, clock, router } = this.#parts
    const now = clock.monotonicMs()
    const place = placeOfRef(call.ref)
    const owner = member.ownerOf(place.partition)
    if (this.keepBehind(call)) return
    if (epoch === 0n && !member.residents.isPointedTo(place.key, now)) {
      if (owner === undefined || owner === member.nodeId) router.hold(call)
      else this.#take(call, { host: owner, epoch: 0n })
      return
    }
    const route = member.residents.resolve(place, epoch, now)
    if (route.kind === 'at') this.#take(call, route)
    else if (route.kind === 'wait') this.#keep(place.key, call)
    else if (this.#endStay(place, now)) this.receive(call, epoch)
    else router.hold(call)
  }

  /** Whether a call waits now, behind others to the same entity that wait for an owner's word. */
  keepBehind(call: EntityCall): boolean {
    // Mostly nothing waits, and then no key need be made.
    if (this.#waitingCount === 0) return false
    const { key } = placeOfRef(call.ref)
    if (!this.#waiting.has(key)) return false
    this.#keep(key, call)
    return true
  }

  /** Another node said that the entity of a call is not there. */
  handleMoved(call: EntityCall, from: NodeId, to: Whither | undefined): void {
    if (call instanceof Sweep) {
      call.end()
      return
    }
    const { member, clock } = this.#parts
    const { key } = placeOfRef(call.ref)
    member.residents.forget(key, from)
    if (to !== undefined && to.epoch > 0n) member.residents.learn(key, to.host, to.epoch)
    const oldWay = this.#parts.standing(from)
    if (oldWay !== undefined) this.#reroutes.begin(call.ref, oldWay, clock.monotonicMs())
    if (!this.#reroutes.keepReturned(call, to)) this.#follow(call, to)
  }

  /** Sends a call over a link, or keeps it until those are through that took another way. */
  sendBy(link: PeerLink, call: EntityCall, epoch: bigint): void {
    if (this.#reroutes.keepLater(call)) return
    const { ref } = call
    const now = this.#parts.clock.monotonicMs()
    const oldWay = wayOf(ref)
    if (oldWay !== null && oldWay !== link && this.#isOpen(oldWay)) {
      this.#reroutes.begin(ref, oldWay, now)
      this.#reroutes.keepLater(call)
      return
    }
    setWay(ref, link)
    link.send(call, now, epoch)
  }

  /** Whether a call for an entity that is here must wait for those that left this node before. */
  mustFollow(call: EntityCall): boolean {
    if (this.#reroutes.keepLater(call)) return true
    const { ref } = call
    const oldWay = wayOf(ref)
    if (oldWay === null || !this.#isOpen(oldWay)) {
      setWay(ref, null)
      return false
    }
    this.#reroutes.begin(ref, oldWay, this.#parts.clock.monotonicMs())
    return this.#reroutes.keepLater(call)
  }

  #isOpen(way: object): way is PeerLink {
    return way instanceof PeerLink && this.#parts.standing(way.nodeId) === way
  }

  /** No link leads to where a call of this node has to go: it waits, behind those that are on their way there. */
  wait(call: EntityCall): void {
    if (this.#reroutes.keepLater(call)) return
    const way = wayOf(call.ref)
    if (way !== null && this.#isOpen(way)) {
      this.#reroutes.begin(call.ref, way, this.#parts.clock.monotonicMs())
      this.#reroutes.keepLater(call)
    } else this.#parts.router.hold(call)
  }

  /** Something changed: calls that did not know where to go look again. */
  release(): void {
    this.#reroutes.release()
    this.#bringHome()
  }

  /**
   * By now this node owns what it had asked another owner about: what waits for that one's word goes in front of what comes from now on.
   */
  #bringHome(): void {
    const { member, router, dispatch } = this.#parts
    for (const [key, [first]] of [...this.#waiting]) {
      if (first === undefined) continue
      if (member.ownerOf(partitionOfRef(first.ref)) !== member.nodeId) continue
      const isHome = router.isHome(first.ref)
      for (const call of this.takeWaiting(key)) {
        if (call.settled) continue
        if (isHome) dispatch(call)
        else router.hold(call)
      }
    }
  }

  /** Calls from other nodes that wait here for an owner's word go back, those that are meant. */
  sendBackWaiting(
    isMeant: (call: EntityCall) => call is PeerCall,
    to: (call: PeerCall) => Whither | undefined,
  ): void {
    for (const [key, calls] of this.#waiting) {
      if (!calls.some((call) => isMeant(call))) continue
      for (const call of this.takeWaiting(key)) {
        if (isMeant(call)) call.sendBack(to(call))
        else this.#keep(key, call)
      }
    }
  }

  /** Takes a call to where its entity was said to be. */
  #follow(call: EntityCall, to: Whither | undefined): void {
    const { member, router } = this.#parts
    const place = placeOfRef(call.ref)
    if (to === undefined) router.hold(call)
    else if (to.epoch > 0n) this.#goTo(call, place, to)
    // An owner that this node does not know is of a view that it has not read yet, or of one that is over.
    else if (to.host === member.ownerOf(place.partition) && to.host !== member.nodeId)
      this.#take(call, to)
    else router.hold(call)
  }

  /** What waited for the word of an entity's owner, in order. */
  takeWaiting(key: EntityKey): readonly EntityCall[] {
    const calls = this.#waiting.get(key) ?? []
    this.#waiting.delete(key)
    this.#waitingCount -= calls.length
    for (const call of calls) noteReleased(call)
    return calls
  }

  /** The owner says that an entity is not to be here. */
  handleElsewhere(key: EntityKey, to: Whither): void {
    if (to.epoch > 0n) this.#parts.member.residents.learn(key, to.host, to.epoch)
    for (const call of this.takeWaiting(key)) this.#take(call, to)
  }

  #goTo(call: EntityCall, place: Place, to: Whither): void {
    const { member, clock } = this.#parts
    if (to.host !== member.nodeId) {
      this.#take(call, to)
      return
    }
    if (this.#parts.isActive(call.ref)) {
      this.#parts.dispatch(call)
      return
    }
    const route = member.residents.resolve(place, to.epoch, clock.monotonicMs())
    if (route.kind === 'at') this.#take(call, route)
    else if (route.kind === 'here') this.#parts.dispatch(call)
    else this.#keep(place.key, call)
  }

  /** Sends a call of this node to a place, and one that came from another node back to there. */
  #take(call: EntityCall, to: Whither): void {
    const { member } = this.#parts
    if (call instanceof PeerCall) {
      call.sendBack(to)
      return
    }
    const link = to.host === member.nodeId ? undefined : this.#parts.to(to.host)
    if (link === undefined) this.wait(call)
    else this.sendBy(link, call, to.epoch)
  }

  #keep(key: EntityKey, call: EntityCall): void {
    const { router, pump } = this.#parts
    if (this.#waitingCount >= router.heldCallsMax) {
      call.fail(tooManyWait(call, router.heldCallsMax))
      return
    }
    noteHeld(call)
    const calls = this.#waiting.get(key)
    if (calls === undefined) this.#waiting.set(key, [call])
    else calls.push(call)
    this.#waitingCount += 1
    pump()
  }

  /** An activation that lived here as a guest has ended: says whether its stay has, too. */
  #endStay(place: Place, now: number): boolean {
    const { residents } = this.#parts.member
    if (this.#parts.member.isServing(place.partition) || residents.isMoving(place.key)) return false
    residents.release(place.key, now)
    this.#parts.pump()
    return true
  }
}

function tooManyWait(call: EntityCall, max: number): EpicError {
  return new EpicError(
    'Overloaded',
    `Cannot call "${call.ref.toString()}": ${max} calls wait for owners' words already`,
  )
}
