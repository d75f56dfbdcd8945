// Which package may use which: the table of the layers, and the rules that follow from it.
//
// Never upward, never sideways. Layers 0 and 1 are pure: nothing of Node, and no dependency from
// outside. Project references alone do not hold this, because npm hoists: an undeclared sibling
// resolves all the same.

import type { Manifest } from './repository.ts'

const layerOf: Readonly<Record<string, number>> = {
  contracts: 0,
  wire: 1,
  kernel: 1,
  fabric: 1,
  net: 2,
  'store-memory': 2,
  'lmdb-link': 2,
  'store-lmdb': 2,
  'postgres-link': 2,
  'store-postgres': 2,
  'cluster-memory': 2,
  'cluster-lmdb': 2,
  'cluster-etcd': 2,
  'cluster-postgres': 2,
  discovery: 2,
  client: 2,
  conformance: 2,
  runtime: 3,
  gateway: 3,
  testkit: 4,
  cli: 5,
  dashboard: 5,
  epicserver: 6,
}

/**
 * Sideways all the same: the engines share one pure state machine, which is itself the engine in memory; both stores on
 * LMDB ask in one way for room; and both providers on PostgreSQL go to it by one way.
 */
const sideways: ReadonlySet<string> = new Set([
  'cluster-lmdb>cluster-memory',
  'cluster-lmdb>lmdb-link',
  'store-lmdb>lmdb-link',
  'cluster-postgres>postgres-link',
  'store-postgres>postgres-link',
])

/** Where a layer may use less than all that lies below it. */
const narrowed: Readonly<Record<number, readonly string[]>> = {
  2: ['contracts', 'wire'],
  5: ['contracts', 'wire', 'client', 'runtime'],
}
/** It carries the `epic` command, so that installing one package is enough. */
const highestForEpicserver = 5
const highestPure = 1

export interface SourceFile {
  /** Relative to the root. */
  readonly path: string
  readonly imports: readonly string[]
}

export interface LayeredWorkspace {
  /** `packages/kernel`, or `examples`. */
  readonly folder: string
  readonly manifest: Manifest
  readonly files: readonly SourceFile[]
}

/**
 * One sentence for each breach; empty if all is well.
 * @param toolchain - what the root's package.json declares, for the tests of all workspaces
 */
export function findBreaches(
  workspaces: readonly LayeredWorkspace[],
  toolchain: Readonly<Record<string, string>> = {},
): string[] {
  const folders = new Map(workspaces.map(({ folder, manifest }) => [manifest.name, folder]))
  return workspaces.flatMap((workspace) => [
    ...breachesOfManifest(workspace, folders),
    ...workspace.files.flatMap((file) =>
      breachesOfFile(workspace, file, { folders, workspaces, toolchain }),
    ),
  ])
}

type Folders = ReadonlyMap<string, string>

interface World {
  readonly folders: Folders
  readonly workspaces: readonly LayeredWorkspace[]
  readonly toolchain: Readonly<Record<string, string>>
}

function breachesOfManifest({ folder, manifest }: LayeredWorkspace, folders: Folders): string[] {
  const name = packageName(folder)
  if (name === undefined) return []
  if (layerOf[name] === undefined) return [`${folder}: give it a layer in scripts/layers.ts`]
  const breaches: string[] = []
  for (const dependency of Object.keys(runtimeDependencies(manifest))) {
    const target = packageName(folders.get(dependency) ?? '')
    if (target === undefined && isPure(name)) {
      breaches.push(`${folder}: a pure package depends on ${dependency}`)
    } else if (target !== undefined && !mayUse(name, target)) {
      breaches.push(`${folder}: may not depend on ${dependency}`)
    }
  }
  for (const dependency of Object.keys(manifest.devDependencies ?? {})) {
    const target = packageName(folders.get(dependency) ?? '')
    if (target !== undefined && !mayTestWith(name, target)) {
      breaches.push(`${folder}: its tests may not depend on ${dependency}`)
    }
  }
  return breaches
}

function breachesOfFile(
  { folder, manifest }: LayeredWorkspace,
  { path, imports }: SourceFile,
  { folders, workspaces, toolchain }: World,
): string[] {
  const isTest = path.startsWith(`${folder}/test/`)
  const name = packageName(folder)
  const declared = {
    ...runtimeDependencies(manifest),
    ...(isTest || name === undefined ? { ...manifest.devDependencies, ...toolchain } : {}),
  }
  return imports.flatMap((specifier) => {
    if (specifier.startsWith('.')) {
      return staysInside(folder, path, specifier)
        ? []
        : [`${path}: ${specifier} leaves its package`]
    }
    if (specifier.startsWith('node:')) {
      return name !== undefined && isPure(name) && !isTest
        ? [`${path}: a pure package imports ${specifier}`]
        : []
    }
    const dependency = dependencyOf(specifier)
    const target = workspaces.find((workspace) => workspace.folder === folders.get(dependency))
    if (specifier.startsWith('#') || target?.folder === folder) return []
    if (!(dependency in declared)) return [`${path}: ${dependency} is not declared in package.json`]
    const entry = `.${specifier.slice(dependency.length)}`
    return target === undefined || entry in (target.manifest.exports ?? {})
      ? []
      : [`${path}: ${specifier} is no published entry point`]
  })
}

function mayUse(user: string, target: string): boolean {
  const [from, to] = [layerOf[user] ?? 0, layerOf[target] ?? 0]
  if (user === 'epicserver') return to <= highestForEpicserver
  if (sideways.has(`${user}>${target}`)) return true
  return from > to && (narrowed[from]?.includes(target) ?? true)
}

/** Tests may use all that lies below, and the suites that their package must pass. */
function mayTestWith(user: string, target: string): boolean {
  const [from, to] = [layerOf[user] ?? 0, layerOf[target] ?? 0]
  return from > to || (from === to && target === 'conformance')
}

function isPure(name: string): boolean {
  return (layerOf[name] ?? Infinity) <= highestPure
}

function packageName(folder: string): string | undefined {
  return folder.startsWith('packages/') ? folder.slice('packages/'.length) : undefined
}

function runtimeDependencies(manifest: Manifest): Readonly<Record<string, string>> {
  const { dependencies, peerDependencies, optionalDependencies } = manifest
  return { ...dependencies, ...peerDependencies, ...optionalDependencies }
}

/** `@scope/name/deep/file` → `@scope/name` */
function dependencyOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

function staysInside(folder: string, path: string, specifier: string): boolean {
  const depth = path.slice(folder.length + 1).split('/').length - 1
  const climbs = specifier.split('/').filter((part) => part === '..').length
  return climbs <= depth
}
