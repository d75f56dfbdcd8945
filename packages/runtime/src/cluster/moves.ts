/**
 * Moves that somebody asks for: finds the node where the entity lives, and has it moved from there.
 *
 * An entity that is in memory nowhere is placed: its owner notes the node, and the next call activates it there.
 */
import {
  EpicError,
  formatEntityId,
  parseEntityId,
  partitionOf,
  type EntityId,
} from '@epicserver/contracts'
import type { ClusterMember, NodeId, Place } from '@epicserver/fabric'
import type { EntityNode, NodeRequest } from '../node/node.ts'
import type { MoveOutcome } from './departures.ts'
import type { Peers } from './peers.ts'
import type { Residence } from './residence.ts'
import { pause } from '../node/pause.ts'

export interface MovesParts {
  readonly member: ClusterMember
  readonly node: EntityNode
  readonly residence: Residence
  readonly peers: Peers
  readonly pump: () => void
}

const MOVE = 'entity.move'

/** Long enough for a move that is given up late, at a node that is busy. */
const TIMEOUT_MS = 10_000

/** An entity that is on its way already, or is just being activated, is looked for again. */
const LOOK_AGAIN_MS = 5

/** What a node answers that was asked to move an entity. */
type Answer = MoveOutcome | { readonly status: 'elsewhere'; readonly node: NodeId }

export class Moves {
  readonly #parts: MovesParts

  constructor(parts: MovesParts) {
    this.#parts = parts
  }

  get requests(): ReadonlyMap<string, NodeRequest> {
    return new Map([
      [MOVE, (_from, [key, target]) => this.#moveHere(parseEntityId(String(key)), String(target))],
    ])
  }

  /** @throws EpicError `UnknownType`, `Unavailable` */
  async move(entity: EntityId, target: NodeId): Promise<MoveOutcome> {
    const { node, peers } = this.#parts
    node.description(entity.type)
    this.#checkTarget(entity, target)
    const { clock } = node.ports
    const until = clock.monotonicMs() + TIMEOUT_MS
    let at: NodeId | undefined
    while (clock.monotonicMs() < until) {
      const asked: NodeId = at ?? this.#lookUp(entity) ?? node.nodeId
      const answer =
        asked === node.nodeId
          ? await this.#moveHere(entity, target)
          : ((await peers.ask(asked, MOVE, [formatEntityId(entity), target])) as Answer)
      if (answer.status !== 'elsewhere') return answer
      at = answer.node === asked ? undefined : answer.node
      if (at === undefined) await pause(clock, LOOK_AGAIN_MS)
    }
    throw new EpicError(
      'Timeout',
      `Cannot move "${formatEntityId(entity)}": it was not found within ${TIMEOUT_MS} ms`,
      { retry: 'safe' },
    )
  }

  /** Moves an entity that lives at this node, or says who may know better. */
  async #moveHere(entity: EntityId, target: NodeId): Promise<Answer> {
    const { member, node, residence } = this.#parts
    const key = formatEntityId(entity)
    const activation = residence.find(key)
    if (activation?.state === 'active' && !residence.isOnTheMove(activation)) {
      if (target === node.nodeId) return wasThere(target)
      return await residence.departures.begin(key, activation, target)
    }
    if (activation !== undefined) return { status: 'elsewhere', node: node.nodeId }
    const place = placeOf(entity)
    if (!member.isServing(place.partition))
      return { status: 'elsewhere', node: this.#ownerOf(place) }
    const now = node.ports.clock.monotonicMs()
    const route = member.residents.place(place, target, now)
    const at = route.kind === 'at' ? route.host : node.nodeId
    return at === target ? wasThere(at) : { status: 'elsewhere', node: at }
  }

  /** Where an entity lives as far as this node knows. */
  #lookUp(entity: EntityId): NodeId | undefined {
    const { member, node } = this.#parts
    const route = member.residents.route(placeOf(entity), node.ports.clock.monotonicMs())
    return route.kind === 'at' ? route.host : undefined
  }

  #ownerOf(place: Place): NodeId {
    const { member, node } = this.#parts
    return member.ownerOf(place.partition) ?? node.nodeId
  }

  #checkTarget(entity: EntityId, target: NodeId): void {
    const members = this.#parts.member.view?.members ?? []
    const found = members.find(({ nodeId }) => nodeId === target)
    if (found?.state === 'active') return
    const active = members.filter(({ state }) => state === 'active').map(({ nodeId }) => nodeId)
    throw new EpicError(
      'Unavailable',
      `Cannot move "${formatEntityId(entity)}" to ${target}: it is ${found === undefined ? 'no member' : found.state}, and active are ${active.join(', ') || 'none'}`,
      { retry: 'safe' },
    )
  }
}

/** It lives where it was to go, or will: nothing had to wait. */
function wasThere(node: NodeId): MoveOutcome {
  return { status: 'moved', node, pauseMs: 0, transferMs: 0 }
}

function placeOf({ type, id }: EntityId): Place {
  return { key: formatEntityId({ type, id }), partition: partitionOf(type, id) }
}
