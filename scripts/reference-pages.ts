// The pages of docs/reference that are made of the code, so that they cannot say anything else.
//
// They are made of what was built: `tsc -b` comes first.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { cliPage, type HelpfulCommand } from './cli-page.ts'
import { type CodeEntry, errorsPage } from './errors-page.ts'
import { type LimitsFile, limitsPage } from './limits-page.ts'
import { repositoryRoot } from './repository.ts'

export interface ReferencePage {
  /** Relative to the root. */
  readonly path: string
  readonly text: string
}

/** The packages that have limits, with what they are limits of, as the page orders them. */
const limited: readonly (readonly [name: string, title: string])[] = [
  ['contracts', 'Ids, messages, state and tasks'],
  ['runtime', 'A node'],
  ['kernel', 'Entities of a node'],
  ['wire', 'Values in messages and state'],
  ['net', 'Channels between processes'],
  ['fabric', 'Leases and views'],
  ['lmdb-link', 'What is written to LMDB'],
  ['store-lmdb', 'The embedded store'],
  ['cluster-lmdb', 'The cluster store of one machine'],
  ['discovery', 'Finding other machines'],
]

export async function referencePages(): Promise<ReferencePage[]> {
  const { ERROR_CODES } = (await built('contracts', 'index')) as {
    readonly ERROR_CODES: Readonly<Record<string, CodeEntry>>
  }
  const { createProgram } = (await built('cli', 'index')) as {
    readonly createProgram: () => HelpfulCommand
  }
  const exitCodes = readSource('cli', 'exit-codes')
  return [
    { path: 'docs/reference/errors.md', text: errorsPage(ERROR_CODES) },
    { path: 'docs/reference/cli.md', text: cliPage(createProgram(), exitCodes) },
    { path: 'docs/reference/limits.md', text: limitsPage(await limitsFiles()) },
  ]
}

/** A sentence for each page that is not what the code makes of it, with the first line that differs. */
export function differences(
  pages: readonly ReferencePage[],
  root: string = repositoryRoot,
): string[] {
  return pages.flatMap(({ path, text }) => {
    const found = readFileSync(join(root, path), 'utf8').split('\n')
    const expected = text.split('\n')
    const at = expected.findIndex((line, i) => line !== found[i])
    if (at < 0 && found.length === expected.length) return []
    const line = at < 0 ? expected.length : at
    return [
      `${path}:${line + 1}: the code says ${JSON.stringify(expected[line] ?? 'nothing more')}`,
    ]
  })
}

async function limitsFiles(): Promise<LimitsFile[]> {
  const files = limited.map(async ([name, title]) => {
    const values = await built(name, 'limits')
    return { title, source: readSource(name, 'limits'), values }
  })
  return await Promise.all(files)
}

function readSource(name: string, module: string): string {
  return readFileSync(join(repositoryRoot, 'packages', name, 'src', `${module}.ts`), 'utf8')
}

async function built(name: string, module: string): Promise<Readonly<Record<string, unknown>>> {
  const file = join(repositoryRoot, 'packages', name, 'dist', `${module}.js`)
  return (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>
}
