/** Answers what the command line asks of one node. */
import { EpicError, formatEntityId } from '@epicserver/contracts'
import type { Activation } from '@epicserver/kernel'
import type { EntityNode } from '../node/node.ts'
import type { StartedNode } from './start-node.ts'
import { nearest } from '../model/nearest.ts'
import { isOperatorRequest, operate, type OperatorRequest } from './operator-answers.ts'
import { askEveryNode } from './node-figures.ts'
import { plainError } from './plain-error.ts'
import { plainValue } from './plain-value.ts'
import type { ControlAnswer, ControlRequest } from './supervisor-messages.ts'

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
  readonly epoch: string
  readonly version: string
  readonly running: readonly string[]
  readonly waiting: readonly string[]
  readonly fields: unknown
  readonly isActive: boolean
}

export async function answer(
  { node, cluster, site }: StartedNode,
  request: ControlRequest,
): Promise<ControlAnswer> {
  try {
    const value = isOperatorRequest(request)
      ? await operate(cluster, request)
      : await valueOf(node, site, request)
    return { ok: true, value: plainValue(value) }
  } catch (error) {
    return { ok: false, error: plainError(error) }
  }
}

function valueOf(
  node: EntityNode,
  site: StartedNode['site'],
  request: Exclude<ControlRequest, OperatorRequest>,
): unknown {
  switch (request.ask) {
    case 'call':
      return call(node, request)
    case 'ps':
      return listEntities(node, request.limit, request.type)
    case 'inspect':
      return inspect(node, request.type, request.id)
    case 'figures':
    case 'statements':
      return askEveryNode(node, request.ask)
    case 'cluster':
    case 'readKeys':
      throw new Error('The supervisor answers this')
    case 'status':
      return { node: node.nodeId, ...node.kernel.counts, refused: site.network.refused }
  }
}

async function call(node: EntityNode, request: ControlRequest & { ask: 'call' }): Promise<unknown> {
  const description = node.description(request.type)
  const operation = description.operations.get(request.operation)
  if (operation === undefined) {
    throw new EpicError(
      'UnknownOperation',
      `Cannot call ${request.type}.${request.operation}: there is no such operation${nearest(request.operation, description.operations.keys())}`,
    )
  }
  const ref = node.refTo(request.type, request.id)
  if (request.number === undefined) return await node.invoke(ref, operation, request.args)
  return await node.invokeNumbered(ref, operation, request.args, request.number)
}

function listEntities(node: EntityNode, limit: number, type: string | undefined): EntityLine[] {
  const lines: EntityLine[] = []
  for (const [name, { activations }] of node.kernel.types) {
    if (type !== undefined && name !== type) continue
    for (const activation of activations.values()) {
      if (lines.length >= limit) return lines
      lines.push(lineOf(node, activation))
    }
  }
  return lines
}

function lineOf(node: EntityNode, activation: Activation): EntityLine {
  return {
    entity: formatEntityId({ type: activation.type.plan.name, id: activation.id }),
    state: activation.state,
    calls: activation.accepted,
    timers: activation.timers?.size ?? 0,
    bytes: activation.bytes,
    idleMs: Math.max(0, Math.round(node.kernel.now - activation.usedAt)),
  }
}

async function inspect(node: EntityNode, type: string, id: string): Promise<EntityView | null> {
  const description = node.description(type)
  const activation = node.type(type).activations.get(id)
  if (activation !== undefined) {
    return {
      ...lineOf(node, activation),
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
