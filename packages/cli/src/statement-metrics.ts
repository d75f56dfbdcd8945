/**
 * What statements on the state store cost, in the text that metric systems read (OpenMetrics 1.0): for `epic db --metrics`, whose
 * output a collector of text files, or a door of the app's own, hands on.
 *
 * Each node counts since its start, so that rates survive a restart as those of any counter do. There are names of statements and
 * ids of nodes in it, and nothing that users named.
 */
import type { NodeStatements } from '@epicserver/runtime/host'

type Figures = NodeStatements['statements'][number]

interface Family {
  readonly name: string
  readonly type: 'counter' | 'summary'
  readonly help: string
  /** The samples of one kind of statement on one node: suffix, further labels, value. */
  readonly samples: (figures: Figures) => readonly (readonly [string, string, number])[]
}

const MS_PER_S = 1_000

const FAMILIES: readonly Family[] = [
  {
    name: 'epic_db_statements',
    type: 'counter',
    help: 'Statements sent to the state store.',
    samples: ({ count }) => [['_total', '', count]],
  },
  {
    name: 'epic_db_statement_errors',
    type: 'counter',
    help: 'Statements that failed, for whatever reason.',
    samples: ({ errors }) => [['_total', '', errors]],
  },
  {
    name: 'epic_db_statement_requests',
    type: 'counter',
    help: 'Requests that the statements carried.',
    samples: ({ requests }) => [['_total', '', requests]],
  },
  {
    name: 'epic_db_statement_seconds',
    type: 'summary',
    help: 'How long statements took.',
    samples: ({ p50Ms, p99Ms, totalMs, count }) => [
      ['', ',quantile="0.5"', p50Ms / MS_PER_S],
      ['', ',quantile="0.99"', p99Ms / MS_PER_S],
      ['_sum', '', totalMs / MS_PER_S],
      ['_count', '', count],
    ],
  },
]

/** The whole text, with the mark of its end. */
export function statementMetrics(nodes: readonly NodeStatements[]): string {
  const lines = FAMILIES.flatMap(({ name, type, help, samples }) => [
    `# TYPE ${name} ${type}`,
    `# HELP ${name} ${help}`,
    ...nodes.flatMap(({ node, statements }) =>
      statements.flatMap((figures) =>
        samples(figures).map(([suffix, more, value]) => {
          const { shard, statement } = figures
          return `${name}${suffix}{node="${node}",shard="${shard}",statement="${statement}"${more}} ${value}`
        }),
      ),
    ),
  ])
  return [...lines, '# EOF', ''].join('\n')
}
