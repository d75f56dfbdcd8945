/**
 * Where an entity begins that is active nowhere: its owner chooses by what its class says, and notes the choice in its directory.
 *
 * The choice itself is the fabric's (`choosePlace`), a pure function of the view, of the members' loads and of the caller. Here it is
 * asked when a call has come for an entity that this node owns and that lives nowhere: at its first call, after it was put away, and
 * after the node was lost where it lived. If another node is chosen, the call goes there, and that node asks for the grant.
 *
 * An entity that is to be near another waits until the owner of that one has said where it is (`Neighbours`). One whose label no active
 * node carries waits until one does.
 *
 * What it does not do: it moves nothing that lives already; that is the balancer's.
 */
import { EpicError, formatEntityId, partitionOf, type EntityId } from '@epicserver/contracts'
import {
  choosePlace,
  type ClusterMember,
  type EntityKey,
  type NodeId,
  type PlacementPolicy,
} from '@epicserver/fabric'
import type { ClusterRouter } from '../cluster/cluster-router.ts'
import { PeerCall } from '../cluster/peer-call.ts'
import type { Peers } from '../cluster/peers.ts'
import { descriptionOf, entityBehind } from '../model/ref.ts'
import type { EntityCall } from '../node/entity-call.ts'
import { noteHeld, noteReleased } from '../node/held-calls.ts'
import type { EntityNode, NodeRequest } from '../node/node.ts'
import { Neighbours } from './neighbours.ts'

/** Long enough for who asked beside whom to begin to call that one, too. */
const PROMISE_MS = 30_000

export interface FirstPlacesParts {
  readonly member: ClusterMember
  readonly node: EntityNode
  readonly router: ClusterRouter
  readonly peers: () => Pick<Peers, 'ask'>
}

export class FirstPlaces {
  readonly #parts: FirstPlacesParts
  readonly #neighbours: Neighbours
  /** Calls of entities whose neighbours are being looked for. */
  readonly #waiting = new Map<EntityKey, EntityCall[]>()
  #waitingCount = 0
  /** What begins here by a decision that was made just now. */
  #beginning: EntityKey | undefined
  /** What begins here because others were told so. */
  readonly #promised = new Promised()
  /** Labels that were missed, so that each is complained of once. */
  readonly #missed = new Set<string>()

  constructor(parts: FirstPlacesParts) {
    this.#parts = parts
    this.#neighbours = new Neighbours({
      ...parts,
      settle: (entity, neighbourAt) => this.#settle(entity, neighbourAt),
    })
  }

  get requests(): ReadonlyMap<string, NodeRequest> {
    return this.#neighbours.requests
  }

  /** Calls that wait until it is known where their entities begin. */
  get waitingCount(): number {
    return this.#waitingCount
  }

  /**
   * Takes a call whose entity lives nowhere and is at home here, if the entity is to begin elsewhere, or may: then the call is on its
   * way there. False: it begins here.
   */
  beginElsewhere(call: EntityCall): boolean {
    const { node, router } = this.#parts
    const entity = entityBehind(call.ref)
    const key = formatEntityId(entity)
    if (this.#beginning === key) return false
    if (this.#waiting.has(key)) {
      this.#keep(key, call)
      return true
    }
    const { placement } = descriptionOf(call.ref)
    if (typeof placement === 'object' && 'near' in placement) {
      this.#wait(entity, call)
      return true
    }
    if (this.#promised.isPromised(key, node.kernel.now)) return false
    const host = this.#choose(entity, placement, callerOf(call, node))
    if (host === undefined) return router.hold(call)
    if (this.#note(entity, host) === node.nodeId) return false
    router.send(call, node.kernel.now)
    return true
  }

  /** The node that a policy names now. */
  #choose(entity: EntityId, policy: PlacementPolicy, caller: NodeId): NodeId | undefined {
    const { member } = this.#parts
    const { view } = member
    if (view === undefined) return undefined
    const request = { ...placeOf(entity), policy, caller }
    const host = choosePlace(request, { view, loads: member.loads.all })
    if (typeof policy === 'object' && 'label' in policy)
      this.#noteLabel(policy.label, entity, host !== undefined)
    return host
  }

  /** Notes where an entity begins, and says where that is: another choice may have been made before. */
  #note(entity: EntityId, host: NodeId): NodeId {
    const { member, node } = this.#parts
    const now = node.ports.clock.monotonicMs()
    const route = member.residents.place(placeOf(entity), host, now)
    return route.kind === 'at' ? route.host : node.nodeId
  }

  /** Places an entity for which no call has come here. */
  #settle(entity: EntityId, neighbourAt: NodeId | undefined): NodeId | undefined {
    const { node } = this.#parts
    const { placement } = node.description(entity.type)
    const isNear = typeof placement === 'object' && 'near' in placement
    const policy: PlacementPolicy = isNear ? { near: neighbourAt } : placement
    const host = this.#choose(entity, policy, node.nodeId)
    if (host === undefined) return undefined
    const at = this.#note(entity, host)
    // What begins at home is in no directory, and its first caller might have it elsewhere.
    if (at === node.nodeId) this.#promised.promise(formatEntityId(entity), node.kernel.now)
    return at
  }

  #noteLabel(label: string, entity: EntityId, isThere: boolean): void {
    if (isThere) this.#missed.delete(label)
    else if (!this.#missed.has(label)) {
      this.#missed.add(label)
      this.#parts.node.log.warn(
        'no active node carries a label that entities ask for; their calls wait. Start one with epic run --labels',
        { label, entity: formatEntityId(entity) },
      )
    }
  }

  #wait(entity: EntityId, call: EntityCall): void {
    const key = formatEntityId(entity)
    this.#waiting.set(key, [])
    this.#keep(key, call)
    this.#neighbours.find(entity).then(
      (neighbourAt) => this.#begin(entity, neighbourAt),
      (error: unknown) => this.#fail(key, error),
    )
  }

  #keep(key: EntityKey, call: EntityCall): void {
    const { heldCallsMax } = this.#parts.router
    if (this.#waitingCount >= heldCallsMax) {
      call.fail(
        new EpicError(
          'Overloaded',
          `Cannot call "${key}": ${heldCallsMax} calls wait until it is known where their entities begin`,
        ),
      )
      return
    }
    noteHeld(call)
    this.#waiting.get(key)?.push(call)
    this.#waitingCount += 1
  }

  #takeWaiting(key: EntityKey): EntityCall[] {
    const calls = this.#waiting.get(key) ?? []
    this.#waiting.delete(key)
    this.#waitingCount -= calls.length
    for (const call of calls) noteReleased(call)
    return calls
  }

  /** Brings those who waited to where their entity begins. */
  #begin(entity: EntityId, neighbourAt: NodeId | undefined): void {
    const { member, node } = this.#parts
    const { key, partition } = placeOf(entity)
    const calls = this.#takeWaiting(key)
    const isActive = node.kernel.types.get(entity.type)?.activations.has(entity.id) === true
    if (member.isServing(partition) && !isActive) {
      const host = this.#settle(entity, neighbourAt)
      if (host === undefined || host === node.nodeId) this.#beginning = key
    }
    for (const call of calls) node.dispatch(call)
    this.#beginning = undefined
  }

  #fail(key: EntityKey, error: unknown): void {
    for (const call of this.#takeWaiting(key)) call.reject(error)
  }
}

/** Entities that were promised to begin at home, for a while. */
class Promised {
  /** Until when, oldest first. */
  readonly #until = new Map<EntityKey, number>()

  promise(key: EntityKey, now: number): void {
    for (const [old, until] of this.#until) {
      if (now < until) break
      this.#until.delete(old)
    }
    this.#until.delete(key)
    this.#until.set(key, now + PROMISE_MS)
  }

  isPromised(key: EntityKey, now: number): boolean {
    return this.#until.size > 0 && now < (this.#until.get(key) ?? 0)
  }
}

/** The node whose call it is. */
function callerOf(call: EntityCall, { nodeId }: EntityNode): NodeId {
  return call instanceof PeerCall ? call.from : nodeId
}

function placeOf({ type, id }: EntityId): { readonly key: EntityKey; readonly partition: number } {
  return { key: formatEntityId({ type, id }), partition: partitionOf(type, id) }
}
