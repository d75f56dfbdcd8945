/** Does what an operator asks of the cluster, through one of its nodes. */
import type { ClusterNode } from '../cluster/cluster-node.ts'
import type { ControlRequest } from './supervisor-messages.ts'

/** A request that concerns the whole cluster, whichever node is asked. */
export type OperatorRequest = ControlRequest & {
  readonly ask: 'move' | 'drain' | 'plan' | 'replace'
}

export function isOperatorRequest(request: ControlRequest): request is OperatorRequest {
  return OPERATORS.has(request.ask)
}

export async function operate(
  { operators }: ClusterNode,
  request: OperatorRequest,
): Promise<unknown> {
  switch (request.ask) {
    case 'move':
      return await operators.move({ type: request.type, id: request.id }, request.to)
    case 'replace':
      return await operators.replace({ type: request.type, id: request.id }, request.appVersion)
    case 'drain':
      if (request.then !== 'cancel') return await operators.drain(request.node)
      await operators.activate(request.node)
      return { node: operators.find(request.node).nodeId }
    case 'plan': {
      const balance = await operators.foresee()
      if (request.change === undefined) return { balance }
      const { partitions, ...plan } = await operators.plan(request.change)
      return { ...plan, partitions: partitions.length, balance }
    }
  }
}

const OPERATORS: ReadonlySet<ControlRequest['ask']> = new Set(['move', 'drain', 'plan', 'replace'])
