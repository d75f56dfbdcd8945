import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { cliPage, type HelpfulCommand } from '../cli-page.ts'
import { errorsPage } from '../errors-page.ts'
import { limitsPage } from '../limits-page.ts'
import { differences, referencePages } from '../reference-pages.ts'
import { repositoryRoot } from '../repository.ts'

function folderWith(context: TestContext, path: string, text: string): string {
  const root = mkdtempSync(join(tmpdir(), 'epic-pages-'))
  context.after(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), text)
  return root
}

test('reference pages: errors, command line and limits say what the code says', async () => {
  const found = differences(await referencePages())
  assert.deepEqual(found, [], 'write them anew: npm run docs -- --update')
})

test('reference pages: a page that differs is named with the first line that does', (context) => {
  const root = folderWith(context, 'docs/a.md', 'one\ntwo\nthree\n')
  const pages = (text: string) => [{ path: 'docs/a.md', text }]
  assert.deepEqual(differences(pages('one\ntwo\nthree\n'), root), [])
  assert.deepEqual(differences(pages('one\n2\nthree\n'), root), ['docs/a.md:2: the code says "2"'])
  assert.deepEqual(differences(pages('one\n'), root), ['docs/a.md:2: the code says ""'])
  assert.deepEqual(differences(pages('one\ntwo\nthree\nfour\n'), root), [
    'docs/a.md:4: the code says "four"',
  ])
})

test('errors page: each code has its row', () => {
  const page = errorsPage({ Lost: { retry: 'safe', meaning: 'It is lost.', remedy: 'Look.' } })
  assert.match(page, /^\| `Lost` \| safe \| It is lost\. \| Look\. \|$/m)
})

test('command line page: each command has its help, and the exit codes their table', () => {
  const command = (name: string, commands: readonly HelpfulCommand[] = []): HelpfulCommand => ({
    name: () => name,
    description: () => '',
    helpInformation: () => `Usage: ${name}\n`,
    configureOutput: () => undefined,
    commands,
  })
  const source = '/**\n * | code | meaning |\n * |---|---|\n * | 0 | done |\n */'
  const page = cliPage(command('epic', [command('run')]), source)
  assert.match(page, /## epic run\n\n```text\nUsage: run\n```/)
  assert.match(page, /## Exit codes\n\n\| code \| meaning \|\n\|---\|---\|\n\| 0 \| done \|\n$/)
  assert.throws(() => cliPage(command('epic'), '/** no table */'), /holds no table/)
})

test('limits page: constants, their groups, and records of them, with what is said above each', () => {
  const source = [
    '/** Enough for a name. */',
    'export const NAME_UNITS_MAX = 64',
    '',
    '/** First pause, and the longest. */',
    'export const PAUSE_MS_MIN = 5',
    'export const PAUSE_MS_MAX = 60_000',
    '',
    '/** What {@link Others} may cost. */',
    'export interface Limits {',
    '  /** One of them',
    '   * or more. */',
    '  readonly bytesMax: number',
    '}',
    '',
    '/** For strangers. */',
    'export const LIMITS: Limits = { bytesMax: 2048 }',
  ].join('\n')
  const values = {
    NAME_UNITS_MAX: 64,
    PAUSE_MS_MIN: 5,
    PAUSE_MS_MAX: 60_000,
    LIMITS: { bytesMax: 2048 },
  }
  const page = limitsPage([{ title: 'Things', source, values }])
  assert.deepEqual(page.slice(page.indexOf('## Things')).split('\n'), [
    '## Things',
    '',
    '| limit | value | why |',
    '| --- | --- | --- |',
    '| `NAME_UNITS_MAX` | 64 | Enough for a name. |',
    '| `PAUSE_MS_MIN`, `PAUSE_MS_MAX` | 5 ms, 1 min | First pause, and the longest. |',
    '| `bytesMax` | 2 KB | One of them or more. |',
    '',
    '`LIMITS`: For strangers.',
    '',
  ])
})

/** The names that a `new Map([['name', …], …])` in the source of the settings' checks holds. */
function checked(map: string): string[] {
  const path = join(repositoryRoot, 'packages/runtime/src/model/settings-check.ts')
  const [, body = ''] =
    new RegExp(`${map}[^]*?new Map\\(\\[([^]*?)\\n\\]\\)`).exec(readFileSync(path, 'utf8')) ?? []
  return [...body.matchAll(/\['(\w+)'/g)].map(([, name = '']) => name).toSorted()
}

/** The names in the first column of the tables of one section of a page. */
function listed(page: string, section: string): string[] {
  const from = page.indexOf(`## ${section}\n`)
  const to = page.indexOf('\n## ', from + 1)
  const text = page.slice(from, to < 0 ? undefined : to)
  return [...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name).toSorted()
}

test('settings page: it has every setting that is checked, and no other', () => {
  const page = readFileSync(join(repositoryRoot, 'docs/reference/settings.md'), 'utf8')
  assert.ok(checked('CLASS_CHECKS').includes('durability'))
  assert.deepEqual(listed(page, 'Of a class'), checked('CLASS_CHECKS'))
  assert.ok(checked('OPERATION_CHECKS').includes('atomic'))
  assert.deepEqual(listed(page, 'Of an operation'), checked('OPERATION_CHECKS'))
})
