/** Answers what the command line asks of one node. */
import { EpicError } from '@epicserver/contracts'
import type { EntityNode } from '../node/node.ts'
import type { StartedNode } from './start-node.ts'
import { nearest } from '../model/nearest.ts'
import { isOperatorRequest, operate, type OperatorRequest } from './operator-answers.ts'
import { inspectEverywhere, inspectHere, lineOf, type EntityLine } from './inspection.ts'
import { askEveryNode } from './node-figures.ts'
import { plainError } from './plain-error.ts'
import { plainValue } from './plain-value.ts'
import type { ControlAnswer, ControlRequest } from './supervisor-messages.ts'

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
      return request.everywhere === true
        ? inspectEverywhere(node, request.type, request.id)
        : inspectHere(node, request.type, request.id)
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
