/** `epic ps`: the node processes, and the entities that each has in memory. */
import type { EntityLine } from '@epicserver/runtime/host'
import { ask } from '../ask.ts'
import { printJson, printLine, printTable } from '../output.ts'

interface NodeLine {
  readonly slot: number
  readonly pid?: number
  readonly node?: string
  readonly state: string
  readonly restarts: number
  readonly answer: readonly EntityLine[] | null
}

export async function psCommand(options: {
  readonly data: string
  readonly type?: string
  readonly limit: number
  readonly json?: boolean
}): Promise<void> {
  const nodes = (await ask(options.data, {
    ask: 'ps',
    limit: options.limit,
    ...(options.type !== undefined && { type: options.type }),
  })) as readonly NodeLine[]
  if (options.json === true) {
    printJson({ nodes: nodes.map(({ answer, ...node }) => ({ ...node, entities: answer ?? [] })) })
    return
  }
  printTable(
    ['slot', 'pid', 'node', 'state', 'restarts', 'entities'],
    nodes.map((node) => [
      node.slot,
      node.pid ?? '-',
      node.node ?? '-',
      node.state,
      node.restarts,
      node.answer?.length ?? 0,
    ]),
  )
  const entities = nodes.flatMap((node) =>
    (node.answer ?? []).map((entity) => [
      entity.entity,
      node.slot,
      entity.state,
      entity.calls,
      entity.timers,
      entity.bytes,
      entity.idleMs,
    ]),
  )
  if (entities.length === 0) return
  printLine('')
  printTable(['entity', 'slot', 'state', 'calls', 'timers', 'bytes', 'idle ms'], entities)
}
