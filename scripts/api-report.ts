// Reads an API report: a markdown file with one block of TypeScript declarations.

import { lineAt, nodesOf, parse } from './syntax.ts'

/** The line numbers in the report at which a public type says `any`. */
export function findAny(report: string): number[] {
  const block = /```ts\n([^]*?)```/.exec(report)
  if (block === null) return []
  const start = block.index + '```ts\n'.length
  return [...nodesOf(parse('report.d.ts', block[1] ?? '').program)]
    .filter(({ type }) => type === 'TSAnyKeyword')
    .map((node) => lineAt(report, start + node.start))
}
