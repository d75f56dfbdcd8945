/** `epic db`: what the statements on the state store cost, over all nodes. */
import type { NodeStatements } from '@epicserver/runtime/host'
import { ask } from '../ask.ts'
import { printJson, printLine, printTable } from '../output.ts'
import { statementMetrics } from '../statement-metrics.ts'

export async function dbCommand(options: {
  readonly data: string
  readonly json?: boolean
  readonly metrics?: boolean
}): Promise<void> {
  const nodes = (await ask(options.data, { ask: 'statements' })) as readonly NodeStatements[]
  if (options.metrics === true) {
    process.stdout.write(statementMetrics(nodes))
    return
  }
  if (options.json === true) {
    printJson({ nodes })
    return
  }
  const statements = nodes.flatMap(({ node, statements: each }) =>
    each.map((figures) => ({ node, ...figures })),
  )
  if (statements.length === 0) {
    printLine(
      'No statements: entities are saved in the data folder, or nowhere, and not in a database.',
    )
    return
  }
  printTable(
    [
      'node',
      'shard',
      'statement',
      'count',
      'errors',
      'requests',
      'total ms',
      'p50 ms',
      'p99 ms',
      'max ms',
    ],
    statements.map((each) => [
      each.node,
      each.shard,
      each.statement,
      each.count,
      each.errors,
      each.requests,
      Math.round(each.totalMs),
      ...[each.p50Ms, each.p99Ms, each.maxMs].map((ms) => Math.round(ms * 100) / 100),
    ]),
  )
  const slow = nodes.flatMap(({ node, slow: each }) => each.map((one) => ({ node, ...one })))
  if (slow.length === 0) return
  printLine('\nThe latest that took long:')
  printTable(
    ['node', 'shard', 'statement', 'at', 'ms', 'requests', 'error'],
    slow.map(({ node, shard, statement, startedAt, tookMs, requests, error }) => [
      node,
      shard,
      statement,
      String(startedAt),
      Math.round(tookMs),
      requests,
      error ?? '-',
    ]),
  )
}
