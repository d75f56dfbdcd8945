/**
 * Beside whom an entity is to live, by what `placement: { near }` of its class names for its id; and where that one is.
 *
 * The owner of the neighbour is asked, since nobody else knows for certain. A neighbour that lives nowhere is placed by its owner then
 * and there, so that the two come together whoever is called first; if it is to be near a third, that one is asked for, and so on.
 */
import { EpicError, formatEntityId, partitionOf, type EntityId } from '@epicserver/contracts'
import type { ClusterMember, NodeId } from '@epicserver/fabric'
import type { Peers } from '../cluster/peers.ts'
import type { ClassDescription } from '../model/class-description.ts'
import type { PoolMethods } from '../model/pool.ts'
import { entityOf, isRef } from '../model/ref.ts'
import type { EntityNode, NodeRequest } from '../node/node.ts'

export interface NeighboursParts {
  readonly member: ClusterMember
  readonly node: EntityNode
  readonly peers: () => Pick<Peers, 'ask'>
  /** Places an entity of this node's partitions that lives nowhere; with where its own neighbour is, if it has one. */
  readonly settle: (entity: EntityId, neighbourAt: NodeId | undefined) => NodeId | undefined
}

const WHERE = 'entity.where'

/** Neighbours of neighbours that are asked for; the last one is taken to be at home. */
const DEPTH_MAX = 4

/**
 * The entity beside which this one is to live; none, where its class asks for nothing of the kind.
 * @throws EpicError `SettingsInvalid` when the class's function gives no ref, `AppThrew` when it throws
 */
export function neighbourOf(
  { name, placement }: Pick<ClassDescription, 'name' | 'placement'>,
  id: string,
  pool: PoolMethods,
): EntityId | undefined {
  if (typeof placement !== 'object' || !('near' in placement)) return undefined
  const { near } = placement
  let ref: unknown
  try {
    ref = typeof near === 'function' ? near(id, pool) : near
  } catch (cause) {
    throw new EpicError(
      'AppThrew',
      `Cannot place "${name}/${id}": ${name}.settings.placement.near threw`,
      { cause },
    )
  }
  if (isRef(ref)) return entityOf(ref)
  throw new EpicError(
    'SettingsInvalid',
    `Cannot place "${name}/${id}": ${name}.settings.placement.near gave no ref for its id`,
  )
}

export class Neighbours {
  readonly #parts: NeighboursParts
  /** Questions that are open: many entities may want to be near one. */
  readonly #questions = new Map<string, Promise<NodeId | undefined>>()

  constructor(parts: NeighboursParts) {
    this.#parts = parts
  }

  get requests(): ReadonlyMap<string, NodeRequest> {
    return new Map([
      [WHERE, (_from, [type, id, depth]) => this.#whereIs(String(type), String(id), Number(depth))],
    ])
  }

  /**
   * Where the neighbour of an entity is, or will begin; `undefined` where that cannot be found out now.
   * @throws EpicError `SettingsInvalid`, `AppThrew`
   */
  async find({ type, id }: EntityId, depth: number = DEPTH_MAX): Promise<NodeId | undefined> {
    const { node } = this.#parts
    const neighbour = neighbourOf(node.description(type), id, node.pool)
    return neighbour && (await this.#ask(neighbour, depth))
  }

  #ask(neighbour: EntityId, depth: number): Promise<NodeId | undefined> {
    const { member, node } = this.#parts
    const { type, id } = neighbour
    const owner = member.ownerOf(partitionOf(type, id))
    if (owner === undefined || owner === node.nodeId) return this.#whereIs(type, id, depth)
    // By depth, too: a question that leads back to itself must not wait for its own answer.
    const name = `${depth} ${formatEntityId(neighbour)}`
    const open = this.#questions.get(name)
    if (open !== undefined) return open
    const question = this.#askOwner(owner, neighbour, depth).finally(() =>
      this.#questions.delete(name),
    )
    this.#questions.set(name, question)
    return question
  }

  async #askOwner(
    owner: NodeId,
    { type, id }: EntityId,
    depth: number,
  ): Promise<NodeId | undefined> {
    const { node, peers } = this.#parts
    try {
      const answer = await peers().ask(owner, WHERE, [type, id, depth])
      return typeof answer === 'string' ? answer : undefined
    } catch (error) {
      node.log.debug('an entity was not found that another is to be near', { type, id, error })
      return undefined
    }
  }

  /** Where an entity of this node's partitions lives; one that lives nowhere is placed now. */
  async #whereIs(type: string, id: string, depth: number): Promise<NodeId | undefined> {
    const { node, settle } = this.#parts
    const entity = { type, id }
    const { placement } = node.description(type)
    const known = this.#knownPlace(entity)
    if (known !== undefined) return known
    const hasNeighbour = typeof placement === 'object' && 'near' in placement
    if (!hasNeighbour || !(depth > 0)) return settle(entity, undefined)
    const neighbourAt = await this.find(entity, Math.min(depth, DEPTH_MAX) - 1)
    return this.#knownPlace(entity) ?? settle(entity, neighbourAt)
  }

  /** Where an entity lives, as its owner knows; `undefined` for one that lives nowhere. */
  #knownPlace({ type, id }: EntityId): NodeId | undefined {
    const { member, node } = this.#parts
    const place = { key: formatEntityId({ type, id }), partition: partitionOf(type, id) }
    const route = member.residents.route(place, node.ports.clock.monotonicMs())
    if (route.kind === 'at') return route.host
    const isHere = node.kernel.types.get(type)?.activations.has(id) === true
    return isHere || !member.isServing(place.partition) ? node.nodeId : undefined
  }
}
