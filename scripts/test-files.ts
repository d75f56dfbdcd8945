// Finds the tests by their sources, so that the compiled output of a deleted test never runs.
//
// Under `test/` folders: `*.integration.test.ts` gets a process of its own, any other `*.test.ts`
// shares one process with all unit tests.

import { join } from 'node:path'
import { listFiles } from './repository.ts'

export interface TestFile {
  readonly kind: 'unit' | 'integration'
  /** Relative to the root, as a person names it. */
  readonly source: string
  /** Absolute path of the JavaScript that `tsc -b` made of it. */
  readonly compiled: string
  /** The folder of the tsconfig.json that compiles it. */
  readonly project: string
}

const roots = ['packages', 'examples', 'benchmarks', 'simulations', 'scripts']

export function findTests(root: string): TestFile[] {
  return roots
    .flatMap((folder) => listFiles(root, folder, '.test.ts'))
    .map((source) => ({
      kind: source.endsWith('.integration.test.ts') ? 'integration' : 'unit',
      source,
      compiled: join(root, compiledPath(source)),
      project: /^packages\/[^/]+\/test|^[^/]+/.exec(source)?.[0] ?? '.',
    }))
}

/** `packages/a/test/b.test.ts` → `packages/a/dist-test/b.test.js`; elsewhere `dist` mirrors the workspace. */
export function compiledPath(source: string): string {
  const script = source.replace(/\.ts$/, '.js')
  const inPackage = /^(packages\/[^/]+)\/test\/(.+)$/.exec(script)
  if (inPackage !== null) return `${inPackage[1]}/dist-test/${inPackage[2]}`
  return script.replace(/^([^/]+)\//, '$1/dist/')
}

/** The way back, for pointing at a source when only the compiled file is known. */
export function sourcePath(compiled: string): string {
  return compiled.replace(/\.js$/, '.ts').replace('/dist-test/', '/test/').replace('/dist/', '/')
}

const marker = 'tests of '
export const markerPattern: RegExp = new RegExp(`^${marker}`)

/** The name of the test that only says whose tests come next in a process that runs many files. */
export function markerOf(compiled: string): string {
  return marker + compiled
}

/** The compiled file that a marker speaks of, or undefined if `name` is a test's. */
export function markedFile(name: string): string | undefined {
  return name.startsWith(marker) && name.endsWith('.js') ? name.slice(marker.length) : undefined
}
