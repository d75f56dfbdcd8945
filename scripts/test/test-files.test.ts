import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compiledPath, sourcePath } from '../test-files.ts'

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
