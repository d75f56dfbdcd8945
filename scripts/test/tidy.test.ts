import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tidy } from '../tidy.ts'

const source = 'packages/wire/src/frame.ts'
const testFile = 'packages/wire/test/frame.test.ts'
const longBody = 'work()\n'.repeat(70)

const breaches: readonly [claim: string, path: string, text: string, expected: string][] = [
  [
    'a file over 600 lines',
    source,
    `// Head.\n${'work()\n'.repeat(600)}`,
    '1: 601 lines; at most 600',
  ],
  [
    'a long file without a head',
    source,
    'work()\n'.repeat(81),
    '1: 81 lines without a head that says what the file is',
  ],
  [
    'a function over 70 lines',
    source,
    `// Head.\nfunction f() {\n${longBody}}`,
    '2: a function of 72 lines; at most 70',
  ],
  ['an empty catch', source, 'try { a() } catch {}', '1: an empty catch'],
  ['a catch that only shrugs', source, 'try { a() } catch { /* fine */ }', '1: an empty catch'],
  ['a bare TODO', source, 'a()\n// TODO later', '2: a TODO without a reason'],
  ['FIXME', source, '// FIXME: it breaks', '1: mend it, or write TODO with a reason'],
  [
    'a lint rule switched off without a reason',
    source,
    '// oxlint-disable-next-line no-control-regex',
    '1: oxlint-disable without a reason',
  ],
  [
    'a compiler error waved through without a reason',
    testFile,
    '// @ts-expect-error',
    '1: @ts-expect-error without a reason',
  ],
  ['a banner', source, '// ------ types', '1: a banner; let the code speak'],
  ['a heading', source, '// ── Calls ─────────', '1: a banner; let the code speak'],
  ['export *', source, "export * from './a.ts'", '1: export by name, not export *'],
  ['.only', testFile, "test.only('a', () => {})", '1: .only'],
  [
    'a sleeping test',
    testFile,
    'await new Promise((done) => setTimeout(done, 5))',
    '1: tests do not sleep',
  ],
  [
    'a test that imports a sleep',
    testFile,
    "import { setTimeout } from 'node:timers/promises'",
    '1: tests do not sleep',
  ],
  ['a vague name', 'packages/wire/src/utils.ts', 'a()', '1: name the file after its idea'],
  [
    'an index.ts below the root',
    'packages/wire/src/deep/index.ts',
    'a()',
    "1: index.ts belongs only at the root of a package's src",
  ],
]

for (const [claim, path, text, expected] of breaches) {
  test(`tidy: ${claim} is a breach`, () => {
    assert.deepEqual(tidy(path, text).breaches, [`${path}:${expected}`])
  })
}

const fine: readonly [claim: string, path: string, text: string][] = [
  ['a TODO with a reason', source, '// TODO: drop it once Node 20 is gone'],
  [
    'a lint rule switched off with a reason',
    source,
    '// oxlint-disable-next-line no-control-regex -- the bytes on the wire are control characters',
  ],
  ['a type error that must stay', testFile, '// @ts-expect-error: a number is no id here'],
  ['a catch that says why', source, 'try { a() } catch { /* The file is gone already. */ }'],
  ['a catch that acts', source, 'try { a() } catch { b() }'],
  ['a namespace export', source, "export * as a from './a.ts'"],
  ['a long test function', testFile, `// Head.\ntest('a', () => {\n${longBody}})`],
  ['an excused place', source, '// tidy: the peer shows no other way\ntry { a() } catch {}'],
  ['the word TODO in a string', source, "const list = 'TODO'"],
]

for (const [claim, path, text] of fine) {
  test(`tidy: ${claim} is fine`, () => {
    assert.deepEqual(tidy(path, text).breaches, [])
  })
}

test('tidy: an excuse without a reason excuses nothing', () => {
  assert.equal(tidy(source, '// tidy: ok\ntry { a() } catch {}').breaches.length, 1)
})

test('tidy: sizes of file and functions are measured', () => {
  const { lines, functionLines } = tidy(source, 'function a() {\n  b()\n}\nconst c = () => d()\n')
  assert.equal(lines, 4)
  assert.deepEqual(functionLines, [3, 1])
})
