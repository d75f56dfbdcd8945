// The part of STYLE.md that a program can see, for one file at a time.
//
// A rule that makes a place worse is broken with `// tidy: why` on the same line or the one above;
// the sizes and names of files have no such way out. What a linter sees better is left to the
// linter (see .oxlintrc.json).

import { lineAt, nodesOf, parse, type SyntaxNode } from './syntax.ts'

const FILE_LINES_MAX = 600
const FUNCTION_LINES_MAX = 70
/** A file longer than this opens with a comment that says what it is. */
const HEADLESS_LINES_MAX = 80
/** A reason is a sentence: fewer words than this are none. */
const REASON_WORDS_MIN = 3

const vagueNames = /(^|\/)(utils?|helpers?|common|types|misc)\.ts$/

export interface TidyFile {
  readonly lines: number
  readonly functionLines: readonly number[]
  /** `path:line: sentence` for each breach. */
  readonly breaches: readonly string[]
}

export function tidy(path: string, text: string): TidyFile {
  const breaches: string[] = []
  const lines = text.trimEnd().split('\n')
  const { program, comments } = parse(path, text)
  const complain = (offset: number, sentence: string): void => {
    const line = lineAt(text, offset)
    if (!isExcused(lines, line)) breaches.push(`${path}:${line}: ${sentence}`)
  }

  breaches.push(...breachesOfWholeFile(path, lines))
  for (const comment of comments) checkComment(comment.value, comment.start, complain)
  const functionLines: number[] = []
  for (const node of nodesOf(program)) {
    checkNode(node, { text, isTest: isTest(path), complain })
    const size = functionSize(node, text)
    if (size === undefined) continue
    functionLines.push(size)
    if (size > FUNCTION_LINES_MAX && !isTest(path)) {
      complain(node.start, `a function of ${size} lines; at most ${FUNCTION_LINES_MAX}`)
    }
  }
  return { lines: lines.length, functionLines, breaches }
}

/** Suites that other packages run are tests too: a suite's function is as long as its cases. */
export function isTest(path: string): boolean {
  return /(^|\/)test\//.test(path) || path.startsWith('packages/conformance/src/')
}

type Complain = (offset: number, sentence: string) => void

function breachesOfWholeFile(path: string, lines: readonly string[]): string[] {
  const breaches: string[] = []
  if (lines.length > FILE_LINES_MAX) {
    breaches.push(`${path}:1: ${lines.length} lines; at most ${FILE_LINES_MAX}`)
  }
  const hasHead = /^(\/\/|\/\*)/.test(lines[0] ?? '') || (lines[0] ?? '').startsWith('#!')
  if (lines.length > HEADLESS_LINES_MAX && !hasHead && !isTest(path)) {
    breaches.push(`${path}:1: ${lines.length} lines without a head that says what the file is`)
  }
  if (vagueNames.test(path)) breaches.push(`${path}:1: name the file after its idea`)
  if (path.endsWith('/index.ts') && !/^packages\/[^/]+\/src\/index\.ts$/.test(path)) {
    breaches.push(`${path}:1: index.ts belongs only at the root of a package's src`)
  }
  return breaches
}

function checkComment(comment: string, offset: number, complain: Complain): void {
  const todo = /\bTODO\b:?(.*)/.exec(comment)
  if (todo !== null && wordCount(todo[1] ?? '') < REASON_WORDS_MIN) {
    complain(offset, 'a TODO without a reason')
  }
  if (/\b(FIXME|XXX|HACK)\b/.test(comment)) complain(offset, 'mend it, or write TODO with a reason')
  // The reason follows the compiler's directive, and ` -- ` after the linter's.
  const waiver = /(@ts-(?:ignore|nocheck|expect-error))(.*)|((?:ox|es)lint-disable)(?:.* -- (.*))?/
  const [, ofCompiler, why, ofLinter, whyNot] = waiver.exec(comment) ?? []
  const waived = ofCompiler ?? ofLinter
  if (waived !== undefined && wordCount(why ?? whyNot ?? '') < REASON_WORDS_MIN) {
    complain(offset, `${waived} without a reason`)
  }
  if (/^[\s*]*[-=#~*]{5,}|[-=#~*─]{5,}\s*$/.test(comment))
    complain(offset, 'a banner; let the code speak')
}

interface NodeContext {
  readonly text: string
  readonly isTest: boolean
  readonly complain: Complain
}

function checkNode(node: SyntaxNode, { text, isTest, complain }: NodeContext): void {
  const source = text.slice(node.start, node.end)
  switch (node.type) {
    case 'CatchClause':
      if (isEmptyCatch(source)) complain(node.start, 'an empty catch')
      break
    case 'ExportAllDeclaration':
      if (node['exported'] === null) complain(node.start, 'export by name, not export *')
      break
    case 'MemberExpression':
      if (isTest && /^(test|it|describe|suite)\.only$/.test(source)) complain(node.start, '.only')
      break
    case 'ImportDeclaration':
      if (isTest && source.includes('node:timers/promises'))
        complain(node.start, 'tests do not sleep')
      break
    case 'NewExpression':
      if (isTest && /^new Promise\b[^]*\bsetTimeout\(/.test(source)) {
        complain(node.start, 'tests do not sleep')
      }
      break
  }
}

/** A catch that does nothing must at least say why in a sentence. */
function isEmptyCatch(source: string): boolean {
  const body = source.slice(source.indexOf('{') + 1, -1)
  const code = body.replaceAll(/\/\/.*|\/\*[^]*?\*\//g, '').trim()
  return code === '' && wordCount(body) < REASON_WORDS_MIN
}

function functionSize(node: SyntaxNode, text: string): number | undefined {
  const isFunction = /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/
  if (!isFunction.test(node.type)) return undefined
  return lineAt(text, node.end) - lineAt(text, node.start) + 1
}

function isExcused(lines: readonly string[], line: number): boolean {
  const near = `${lines[line - 2] ?? ''}\n${lines[line - 1] ?? ''}`
  const excuse = /\/\/ tidy: (.*)/.exec(near)
  return excuse !== null && wordCount(excuse[1] ?? '') >= REASON_WORDS_MIN
}

function wordCount(text: string): number {
  return text.match(/\p{L}+/gu)?.length ?? 0
}
