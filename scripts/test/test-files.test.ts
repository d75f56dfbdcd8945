import assert from 'node:assert/strict'
import { test } from 'node:test'
import { repositoryRoot } from '../repository.ts'
import { compiledPath, findTests, longestFirst, longTests, sourcePath } from '../test-files.ts'

const pairs = [
  ['packages/wire/test/net/frame.test.ts', 'packages/wire/dist-test/net/frame.test.js'],
  ['examples/barrels/test/app.test.ts', 'examples/dist/barrels/test/app.test.js'],
  ['scripts/test/test-files.test.ts', 'scripts/dist/test/test-files.test.js'],
] as const

for (const [source, compiled] of pairs) {
  test(`test files: ${source} and its compiled file lead to each other`, () => {
    assert.equal(compiledPath(source), compiled)
    assert.equal(sourcePath(compiled), source)
  })
}

test('test files: those that are said to be long are there', () => {
  const sources = new Set(findTests(repositoryRoot).map(({ source }) => source))
  assert.deepEqual(
    longTests.filter((long) => !sources.has(long)),
    [],
  )
})

test('test files: the long ones begin first, the longest before them, and none is left out', () => {
  const tests = findTests(repositoryRoot).filter(({ kind }) => kind === 'integration')
  const ordered = longestFirst(tests)
  assert.deepEqual(
    ordered.slice(0, longTests.length).map(({ source }) => source),
    longTests,
  )
  assert.deepEqual(new Set(ordered), new Set(tests))
  assert.equal(ordered.length, tests.length)
})
