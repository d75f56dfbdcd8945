/**
 * What operators ask of the cluster, at whichever node they ask: move an entity, drain a node, say what a change would move, and
 * put a singleton onto nodes of another version.
 *
 * A node is named by its id or by the beginning of it. What another node must do is asked of that node.
 */
import {
  EpicError,
  formatEntityId,
  isEpicError,
  partitionOf,
  type EntityId,
} from '@epicserver/contracts'
import { choosePlace, type ClusterMember, type MemberInfo, type NodeId } from '@epicserver/fabric'
import type { EntityNode, NodeRequest } from '../node/node.ts'
import { planChange, type PlannedChange } from './change-plan.ts'
import type { MoveOutcome } from './departures.ts'
import type { Moves } from './moves.ts'
import { namedMember } from './named-member.ts'
import type { Peers } from './peers.ts'
import type { Foresight } from '../placement/foresight.ts'

export interface OperatorsParts {
  readonly member: ClusterMember
  readonly node: EntityNode
  readonly peers: Peers
  readonly moves: Moves
  readonly foresee: () => Foresight
  /** Gives everything that is here to others, and says how many entities that moved. */
  readonly drain: () => Promise<number>
  readonly activate: () => void
}

/** What draining came to. */
export interface DrainReport {
  readonly node: NodeId
  /** Entities that were moved as they were; the others were put away and begin anew when they are called. */
  readonly moved: number
  readonly tookMs: number
}

/** What a change of the members would move, with what is in memory there now. */
export interface ChangeReport extends PlannedChange {
  readonly entities: number
  readonly bytes: number
}

/** How many nodes join or which one leaves. */
export type Change = { readonly joins: number } | { readonly leaves: string }

const DRAIN = 'node.drain'
const ACTIVATE = 'node.activate'
const COUNT = 'node.count'
const FORESEE = 'node.foresee'

export class Operators {
  readonly #parts: OperatorsParts

  constructor(parts: OperatorsParts) {
    this.#parts = parts
  }

  get requests(): ReadonlyMap<string, NodeRequest> {
    return new Map<string, NodeRequest>([
      [DRAIN, () => this.#drainHere()],
      [ACTIVATE, () => this.#parts.activate()],
      [COUNT, (_from, [partitions]) => this.#countHere(partitions)],
      [FORESEE, () => this.#parts.foresee()],
    ])
  }

  /** @throws EpicError `UnknownType`, `Unavailable`, `NotFound` for a node that is none */
  async move(entity: EntityId, to: string): Promise<MoveOutcome> {
    this.#parts.node.description(entity.type)
    return await this.#parts.moves.move(entity, this.find(to).nodeId)
  }

  /**
   * Resolves when the node has nothing any more.
   * @throws EpicError `Unavailable` when there is no other node to take what it has, `NotFound` for a node that is none
   */
  async drain(nodeName: string): Promise<DrainReport> {
    const { nodeId } = this.find(nodeName)
    const isTaken = this.#members.some((each) => each.state === 'active' && each.nodeId !== nodeId)
    if (!isTaken) {
      throw new EpicError(
        'Unavailable',
        `Cannot drain ${nodeId}: no other node is active and could take what it has. Start one first`,
        { retry: 'safe' },
      )
    }
    return (await this.#ask(nodeId, DRAIN, [])) as DrainReport
  }

  /** Ends draining: the node takes partitions and entities again. */
  async activate(nodeName: string): Promise<void> {
    await this.#ask(this.find(nodeName).nodeId, ACTIVATE, [])
  }

  /** What would move if the members changed so; nothing does. */
  async plan(change: Change): Promise<ChangeReport> {
    const { view } = this.#parts.member
    if (view === undefined) {
      const why = 'Cannot plan: this node has not heard yet who the members are'
      throw new EpicError('Unavailable', why, { retry: 'safe' })
    }
    const leaver = 'leaves' in change ? this.find(change.leaves).nodeId : undefined
    const plan = planChange(view, this.#parts.member.unit, {
      joins: 'joins' in change ? change.joins : 0,
      leaver,
    })
    const counts = (await Promise.all(
      this.#members.map(({ nodeId }) => this.#ask(nodeId, COUNT, [plan.partitions])),
    )) as { readonly entities: number; readonly bytes: number }[]
    const entities = counts.reduce((sum, each) => sum + each.entities, 0)
    const bytes = counts.reduce((sum, each) => sum + each.bytes, 0)
    return { ...plan, entities, bytes }
  }

  /** What each node would move next by itself, for load or for company. Nodes of a version that cannot say are left out. */
  async foresee(): Promise<Foresight[]> {
    const all = this.#members.map(async ({ nodeId }) => {
      try {
        return [(await this.#ask(nodeId, FORESEE, [])) as Foresight]
      } catch (error) {
        if (isEpicError(error) && error.code === 'UnknownOperation') return []
        throw error
      }
    })
    return (await Promise.all(all)).flat()
  }

  /**
   * Moves an entity to a node that runs another version of the app: its state is converted there by the class's `upgrade`, and calls
   * follow.
   * @throws EpicError `Unavailable` when no active node runs that version
   */
  async replace(entity: EntityId, appVersion: string): Promise<MoveOutcome> {
    const { member, node, moves } = this.#parts
    node.description(entity.type)
    const { view } = member
    const candidates = this.#members.filter((each) => each.appVersion === appVersion)
    const place = { key: formatEntityId(entity), partition: partitionOf(entity.type, entity.id) }
    const target =
      view &&
      choosePlace(
        { ...place, policy: 'load', caller: node.nodeId },
        { view: { ...view, members: candidates }, loads: member.loads.all },
      )
    if (target !== undefined) return await moves.move(entity, target)
    const versions = new Set(this.#members.map((each) => each.appVersion))
    throw new EpicError(
      'Unavailable',
      `Cannot replace "${place.key}" by version ${appVersion}: no active node runs it; there are ${[...versions].join(', ')}. Start nodes of that version first`,
      { retry: 'safe' },
    )
  }

  /** A member by its id or the beginning of it. */
  find(name: string): MemberInfo {
    return namedMember(name, this.#members)
  }

  get #members(): readonly MemberInfo[] {
    return this.#parts.member.view?.members ?? []
  }

  async #ask(nodeId: NodeId, what: string, args: readonly unknown[]): Promise<unknown> {
    const { node, peers } = this.#parts
    if (nodeId === node.nodeId) return await this.requests.get(what)?.(nodeId, args)
    return await peers.ask(nodeId, what, args)
  }

  async #drainHere(): Promise<DrainReport> {
    const { node, drain } = this.#parts
    const startedAt = node.ports.clock.monotonicMs()
    const moved = await drain()
    const tookMs = Math.round(node.ports.clock.monotonicMs() - startedAt)
    return { node: node.nodeId, moved, tookMs }
  }

  /** What is in memory here of some partitions. */
  #countHere(partitions: unknown): { readonly entities: number; readonly bytes: number } {
    const asked = new Set(Array.isArray(partitions) ? (partitions as unknown[]) : [])
    let [entities, bytes] = [0, 0]
    for (const [name, { activations }] of this.#parts.node.kernel.types) {
      for (const activation of activations.values()) {
        if (!asked.has(partitionOf(name, activation.id))) continue
        entities += 1
        bytes += activation.bytes
      }
    }
    return { entities, bytes }
  }
}
