import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findBreaches, type LayeredWorkspace } from '../layers.ts'

const entry = { '.': './dist/index.js' }

function workspace(
  folder: string,
  {
    dependencies = {},
    devDependencies = {},
    imports = {},
  }: {
    dependencies?: Record<string, string>
    devDependencies?: Record<string, string>
    imports?: Record<string, string[]>
  } = {},
): LayeredWorkspace {
  const name = `@epicserver/${folder.replace('packages/', '')}`
  return {
    folder,
    manifest: { name, version: '0.1.0', exports: entry, dependencies, devDependencies },
    files: Object.entries(imports).map(([path, list]) => ({
      path: `${folder}/${path}`,
      imports: list,
    })),
  }
}

const contracts = workspace('packages/contracts')
const wire = workspace('packages/wire')
const kernel = workspace('packages/kernel')
const conformance = workspace('packages/conformance')
const runtime = workspace('packages/runtime')

const cases: readonly [claim: string, LayeredWorkspace[], string[]][] = [
  [
    'a declared dependency on a lower layer is fine',
    [
      contracts,
      workspace('packages/kernel', {
        dependencies: { '@epicserver/contracts': '0.1.0' },
        imports: { 'src/index.ts': ['@epicserver/contracts', './locks.ts'] },
      }),
    ],
    [],
  ],
  [
    'an undeclared sibling is a breach, however npm hoists it',
    [
      contracts,
      workspace('packages/kernel', { imports: { 'src/a.ts': ['@epicserver/contracts'] } }),
    ],
    ['packages/kernel/src/a.ts: @epicserver/contracts is not declared in package.json'],
  ],
  [
    'a dependency upward is a breach',
    [runtime, workspace('packages/wire', { dependencies: { '@epicserver/runtime': '0.1.0' } })],
    ['packages/wire: may not depend on @epicserver/runtime'],
  ],
  [
    'a dependency sideways is a breach',
    [wire, workspace('packages/kernel', { dependencies: { '@epicserver/wire': '0.1.0' } })],
    ['packages/kernel: may not depend on @epicserver/wire'],
  ],
  [
    'a store may use the wire but not the kernel',
    [
      wire,
      kernel,
      workspace('packages/store-lmdb', {
        dependencies: { '@epicserver/wire': '0.1.0', '@epicserver/kernel': '0.1.0' },
      }),
    ],
    ['packages/store-lmdb: may not depend on @epicserver/kernel'],
  ],
  [
    'a pure package has neither Node nor dependencies from outside',
    [
      workspace('packages/wire', {
        dependencies: { msgpackr: '2' },
        imports: { 'src/a.ts': ['node:buffer'], 'test/a.test.ts': ['node:test'] },
      }),
    ],
    [
      'packages/wire: a pure package depends on msgpackr',
      'packages/wire/src/a.ts: a pure package imports node:buffer',
    ],
  ],
  [
    'the tests of a store may use the conformance suites, its sources may not',
    [
      conformance,
      workspace('packages/store-lmdb', {
        devDependencies: { '@epicserver/conformance': '0.1.0' },
        imports: {
          'src/a.ts': ['@epicserver/conformance'],
          'test/a.test.ts': ['@epicserver/conformance', '#src/a.ts'],
        },
      }),
    ],
    ['packages/store-lmdb/src/a.ts: @epicserver/conformance is not declared in package.json'],
  ],
  [
    'only published entry points are imported from outside',
    [
      wire,
      workspace('benchmarks', {
        dependencies: { '@epicserver/wire': '0.1.0' },
        imports: { 'src/a.ts': ['@epicserver/wire/src/frame.ts'] },
      }),
    ],
    ['benchmarks/src/a.ts: @epicserver/wire/src/frame.ts is no published entry point'],
  ],
  [
    'a relative path stays inside its package',
    [
      workspace('packages/wire', {
        imports: { 'src/deep/a.ts': ['../../test/b.ts', '../../../x.ts'] },
      }),
    ],
    ['packages/wire/src/deep/a.ts: ../../../x.ts leaves its package'],
  ],
  [
    'a package without a layer is a breach',
    [workspace('packages/surprise')],
    ['packages/surprise: give it a layer in scripts/layers.ts'],
  ],
]

for (const [claim, workspaces, breaches] of cases) {
  test(`layers: ${claim}`, () => {
    assert.deepEqual(findBreaches(workspaces), breaches)
  })
}

test('layers: tests may use the toolchain of the root, sources may not', () => {
  const imports = { 'src/a.ts': ['fast-check'], 'test/a.test.ts': ['fast-check'] }
  const breaches = findBreaches([workspace('packages/wire', { imports })], { 'fast-check': '4' })
  assert.deepEqual(breaches, ['packages/wire/src/a.ts: fast-check is not declared in package.json'])
})
