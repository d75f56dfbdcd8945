import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importsOf, parse } from '../syntax.ts'

test('imports: all ways to name a module are found', () => {
  const text = `
    import 'side-effect'
    import type { A } from './type.ts'
    import value, { type B } from './value.ts'
    export { c } from './named.ts'
    export * from './all.ts'
    const d = await import('./dynamic.ts')
    type E = import('./import-type.ts').E
  `
  assert.deepEqual(importsOf('a.ts', text).toSorted(), [
    './all.ts',
    './dynamic.ts',
    './import-type.ts',
    './named.ts',
    './type.ts',
    './value.ts',
    'side-effect',
  ])
})

test('imports: code inside strings and comments is none', () => {
  const text = "// import 'a'\nexport const template = `\nimport { b } from 'b'\n`"
  assert.deepEqual(importsOf('a.ts', text), [])
})

test('syntax: a file that cannot be parsed is named', () => {
  assert.throws(() => parse('broken.ts', 'const = 1'), /Cannot parse broken\.ts/)
})
