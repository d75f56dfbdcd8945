import assert from 'node:assert/strict'
import { test } from 'node:test'
import { snippetsOf } from '../snippets.ts'

const page = (...lines: string[]): string => lines.join('\n')

test('snippets: a block keeps the lines it has on its page', () => {
  const [snippet] = snippetsOf('a.md', page('# Title', '', '```ts', 'const a = 1', 'a()', '```'))
  assert.deepEqual(snippet, { line: 4, text: '\n\n\nconst a = 1\na()', isRun: false })
})

test('snippets: only TypeScript that is not ignored counts', () => {
  const markdown = page('```sh', 'ls', '```', '```ts ignore', 'oops(', '```', 'plain')
  assert.deepEqual(snippetsOf('a.md', markdown), [])
})

test('snippets: a continued block joins the one before it, on its own lines', () => {
  const markdown = page('```ts run', 'a()', '```', 'Then:', '```ts continued', 'b()', '```')
  assert.deepEqual(snippetsOf('a.md', markdown), [
    { line: 2, text: '\na()\n\n\n\nb()', isRun: true },
  ])
})

test('snippets: two blocks are two modules', () => {
  const markdown = page('```ts', 'a()', '```', '```ts', 'a()', '```')
  assert.deepEqual(
    snippetsOf('a.md', markdown).map(({ line }) => line),
    [2, 5],
  )
})

test('snippets: an unknown mark is refused with its place', () => {
  assert.throws(() => snippetsOf('a.md', page('', '```ts ignroe', '```')), /a\.md:2: .*ignroe/)
})

test('snippets: continuing nothing is refused with its place', () => {
  assert.throws(() => snippetsOf('a.md', page('```ts continued', '```')), /a\.md:1: continues/)
})
