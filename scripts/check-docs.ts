// `npm run docs`: type-checks the TypeScript snippets of all pages against the built packages, in
// one compilation, and runs those that say so (see scripts/snippets.ts). Before that it compares the
// pages that are made of the code (scripts/reference-pages.ts); `npm run docs -- --update` writes them.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { differences, referencePages } from './reference-pages.ts'
import { listFiles, repositoryRoot, toolPath } from './repository.ts'
import { type Snippet, snippetsOf } from './snippets.ts'

/** Inside the repository, so that the snippets find the packages as any workspace does. */
const folder = join(repositoryRoot, 'temp/docs')

const { values: options } = parseArgs({ options: { update: { type: 'boolean', default: false } } })

const isReferenceCurrent = await checkReference()
const pages = listFiles(repositoryRoot, '', '.md').filter((page) => !page.startsWith('api/'))
const snippets = pages.flatMap((page) => {
  const markdown = readFileSync(join(repositoryRoot, page), 'utf8')
  return snippetsOf(page, markdown).map((snippet) => ({ page, snippet }))
})

rmSync(folder, { recursive: true, force: true })
const modules = snippets.map(({ page, snippet }) => writeModule(page, snippet))
const isGood = compile() && modules.filter(({ isRun }) => isRun).every(runModule)
console.log(`docs: ${snippets.length} snippets of ${pages.length} pages`)
process.exitCode = isGood && isReferenceCurrent ? 0 : 1

interface Module {
  readonly name: string
  readonly isRun: boolean
}

async function checkReference(): Promise<boolean> {
  const reference = await referencePages()
  if (options.update) {
    for (const { path, text } of reference) writeFileSync(join(repositoryRoot, path), text)
  }
  const found = differences(reference)
  for (const difference of found) console.error(`${difference}; npm run docs -- --update`)
  return found.length === 0
}

function writeModule(page: string, { line, text, isRun }: Snippet): Module {
  const name = `${page}.${line}`
  const path = join(folder, `${name}.ts`)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${text}\nexport {}\n`)
  return { name, isRun }
}

function compile(): boolean {
  const config = {
    extends: '../../tsconfig.base.json',
    compilerOptions: {
      rootDir: '.',
      outDir: 'dist',
      types: ['node'],
      composite: false,
      incremental: false,
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
      noUncheckedIndexedAccess: false,
      customConditions: [],
    },
    files: modules.map(({ name }) => `${name}.ts`),
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config, null, 2))
  if (modules.length === 0) return true
  const { stdout, status } = spawnSync(toolPath('tsc'), ['-p', '.', '--pretty', 'false'], {
    cwd: folder,
    encoding: 'utf8',
  })
  // `docs/a.md.12.ts(15,3): error` is line 15 of docs/a.md.
  process.stderr.write(stdout.replaceAll(/^(.+)\.\d+\.ts\((\d+),(\d+)\)/gm, '$1:$2:$3'))
  return status === 0
}

function runModule({ name }: Module): boolean {
  const { status, stderr } = spawnSync(process.execPath, [join(folder, 'dist', `${name}.js`)], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  if (status !== 0) console.error(`${name}: ended with ${status}\n${stderr}`)
  return status === 0
}
