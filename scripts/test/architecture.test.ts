import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { repositoryRoot } from '../repository.ts'

/** Paths in backticks, from the root or from `packages/`, with `{a,b}` spelt out. */
function pathsIn(page: string): string[] {
  const quoted = [...page.matchAll(/`([\w@./{},-]+\/[\w@./{},-]*)`/g)].map(([, path]) => path ?? '')
  return quoted.filter((path) => /^(packages\/)?[\w-]+\/(src|test)\b/.test(path)).flatMap(spellOut)
}

function spellOut(path: string): string[] {
  const [, before, choices, after] = /^(.*)\{(.*)\}(.*)$/.exec(path) ?? []
  return choices?.split(',').map((choice) => `${before}${choice}${after}`) ?? [path]
}

test('architecture: every place that the page names is there', () => {
  const page = readFileSync(join(repositoryRoot, 'ARCHITECTURE.md'), 'utf8')
  const paths = pathsIn(page).map((path) => path.replace(/^(?!packages\/)/, 'packages/'))
  assert.ok(paths.length > 50, 'the page is a map')
  assert.deepEqual(
    paths.filter((path) => !existsSync(join(repositoryRoot, path))),
    [],
  )
})
