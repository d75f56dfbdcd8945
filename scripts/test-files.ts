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

/** What takes more than ten seconds, by name: the longest first. Whatever is not named here begins after these. */
export const longTests: readonly string[] = [
  'packages/cli/test/engine-loss.integration.test.ts',
  'packages/cli/test/run.integration.test.ts',
  'packages/cli/test/cluster-mistakes.integration.test.ts',
  'packages/cli/test/secrets.integration.test.ts',
  'packages/cli/test/run-mistakes.integration.test.ts',
  'packages/cli/test/death.integration.test.ts',
  'simulations/test/seeds.integration.test.ts',
  'packages/cluster-etcd/test/etcd-cluster-store.integration.test.ts',
  'packages/cli/test/cluster.integration.test.ts',
  'packages/cli/test/cluster-status.integration.test.ts',
  'packages/cli/test/cluster-state.integration.test.ts',
  'packages/cluster-postgres/test/postgres-cluster-store.integration.test.ts',
  'packages/store-postgres/test/conformance.integration.test.ts',
  'packages/cluster-etcd/test/etcd-failover.integration.test.ts',
  'packages/cli/test/placement.integration.test.ts',
]

/** In the order in which they should begin: a long test that begins last would be waited for alone. */
export function longestFirst(tests: readonly TestFile[]): TestFile[] {
  const placeOf = ({ source }: TestFile): number => {
    const place = longTests.indexOf(source)
    return place < 0 ? longTests.length : place
  }
  return tests.toSorted((a, b) => placeOf(a) - placeOf(b))
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
