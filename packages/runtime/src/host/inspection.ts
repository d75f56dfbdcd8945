/**
 * What entities hold, for people: the lines of `epic ps`, and `epic inspect`, which looks on all nodes of the cluster.
 *
 * What is in memory counts before what is saved. Of what is saved, the entity's home tells, and nobody else.
 */
import { EpicError, formatEntityId } from '@epicserver/contracts'
import type { Activation } from '@epicserver/kernel'
import type { EntityNode } from '../node/node.ts'
import { plainValue } from './plain-value.ts'

/** One line of `epic ps`. */
export interface EntityLine {
  readonly entity: string
  readonly state: string
  readonly calls: number
  readonly timers: number
  readonly bytes: number
  readonly idleMs: number
}

/** What `epic inspect` shows. */
export interface EntityView extends EntityLine {
  /** Where it lives, or would. */
  readonly node: string
  readonly epoch: string
  readonly version: string
  readonly running: readonly string[]
  readonly waiting: readonly string[]
  readonly fields: unknown
  readonly isActive: boolean
}

/** The name under which nodes ask each other. */
const INSPECT = 'inspect'
const ASK_MS = 2_000

/** Lets other nodes look. */
export function answerInspection(node: EntityNode): void {
  node.requests.set(INSPECT, async (_from, [type, id]) => {
    if (typeof type !== 'string' || typeof id !== 'string') return null
    return plainValue(await inspectHere(node, type, id))
  })
}

/**
 * What any node holds of an entity; `null` where none holds anything.
 * @throws EpicError `UnknownType`; `Unavailable` when nobody has it and not all have answered
 */
export async function inspectEverywhere(
  node: EntityNode,
  type: string,
  id: string,
): Promise<EntityView | null> {
  const here = await inspectHere(node, type, id)
  if (here?.isActive === true) return here
  const answers = await node.ports.router.askOthers(INSPECT, [type, id], ASK_MS)
  const found = answers.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const views = [here, ...(found as (EntityView | null)[])].filter((view) => view !== null)
  const view = views.find(({ isActive }) => isActive) ?? views[0]
  if (view !== undefined) return view
  const silent = answers.length - found.length
  if (silent === 0) return null
  throw new EpicError(
    'Unavailable',
    `Cannot find "${formatEntityId({ type, id })}": ${silent} of ${answers.length + 1} nodes do not answer, and the others do not hold it`,
    { retry: 'safe' },
  )
}

/** What this node holds of an entity, in memory or, where it is its home, saved; `null` where that is nothing. @throws EpicError `UnknownType` */
export async function inspectHere(
  node: EntityNode,
  type: string,
  id: string,
): Promise<EntityView | null> {
  const description = node.description(type)
  const activation = node.type(type).activations.get(id)
  if (activation !== undefined) {
    return {
      ...lineOf(node, activation),
      node: node.nodeId,
      isActive: true,
      epoch: activation.epoch.toString(),
      version: activation.version.toString(),
      running: (activation.turns ?? []).map((turn) => turn.operation.name),
      waiting: (activation.waiting ?? []).map((waiting) => waiting.operation.name),
      fields: node.durability.fieldsOf(activation),
    }
  }
  if (!node.ports.router.isHome(node.refTo(type, id)) || !description.persistent) return null
  const record = await node.ports.store.read({ type, id })
  if (record === null) return null
  const fields = node.durability.stateOf(type).decode(record.bytes, { type, id }).state
  const still = {
    entity: `${type}/${id}`,
    node: node.nodeId,
    state: 'saved',
    calls: 0,
    timers: 0,
    bytes: record.bytes.length,
    idleMs: 0,
    running: [],
    waiting: [],
  }
  return {
    ...still,
    isActive: false,
    epoch: record.epoch.toString(),
    version: record.version.toString(),
    fields,
  }
}

export function lineOf(node: EntityNode, activation: Activation): EntityLine {
  return {
    entity: formatEntityId({ type: activation.type.plan.name, id: activation.id }),
    state: activation.state,
    calls: activation.accepted,
    timers: activation.timers?.size ?? 0,
    bytes: activation.bytes,
    idleMs: Math.max(0, Math.round(node.kernel.now - activation.usedAt)),
  }
}
