// What the checks need to know of a TypeScript file: its syntax tree, and what it imports. The
// compiler of TypeScript 7 is native and hands no tree to programs, so a parser of its own does.

import { parseSync, type ParseResult } from 'oxc-parser'

/** A node of the syntax tree, seen without its kind. */
export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

export function parse(path: string, text: string): ParseResult {
  const result = parseSync(path, text)
  const [error] = result.errors
  if (error !== undefined) throw new Error(`Cannot parse ${path}: ${error.message}`)
  return result
}

/** Every node below `root`, outer before inner. */
export function* nodesOf(root: object): Generator<SyntaxNode> {
  if ('type' in root && typeof root.type === 'string') yield root as SyntaxNode
  for (const value of Object.values(root) as unknown[]) {
    if (typeof value === 'object' && value !== null) yield* nodesOf(value)
  }
}

/** Every module that the file names: imports, re-exports, `import()` of values and of types. */
export function importsOf(path: string, text: string): string[] {
  const found = new Set<string>()
  for (const { type, source } of nodesOf(parse(path, text).program)) {
    const isImport = /^(Import|ExportNamed|ExportAll)(Declaration|Expression)$/.test(type)
    if ((isImport || type === 'TSImportType') && isText(source)) found.add(source.value)
  }
  return [...found]
}

function isText(node: unknown): node is { readonly value: string } {
  return (
    typeof node === 'object' && node !== null && 'value' in node && typeof node.value === 'string'
  )
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
