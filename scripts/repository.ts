// Where the repository lies, its workspaces, and how scripts start the tools installed in it.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's root folder, seen from scripts/dist. */
export const repositoryRoot: string = fileURLToPath(new URL('../..', import.meta.url))

/** The fields of a package.json that the scripts read. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly exports?: Readonly<Record<string, unknown>>
  readonly bin?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export interface Workspace {
  /** Relative to the root, such as `packages/kernel`. */
  readonly folder: string
  readonly manifest: Manifest
}

/** Every npm workspace: each package, then the top-level ones. */
export function listWorkspaces(root: string = repositoryRoot): Workspace[] {
  const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}`)
  return [...packages.toSorted(), 'examples', 'benchmarks', 'simulations']
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => ({ folder, manifest: readManifest(join(root, folder)) }))
}

export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

/** Files below `folder` that end in `ending`, relative to `root`; what is built or installed left out. */
export function listFiles(root: string, folder: string, ending: string): string[] {
  const skipped = new Set(['node_modules', 'dist', 'dist-test', 'coverage', 'temp', '.git'])
  const entries = existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { withFileTypes: true })
    : []
  return entries
    .flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) return skipped.has(entry.name) ? [] : listFiles(root, path, ending)
      return entry.name.endsWith(ending) ? [path] : []
    })
    .toSorted()
}

export function toolPath(name: string): string {
  return join(repositoryRoot, 'node_modules/.bin', name)
}

/** Runs a tool of node_modules/.bin on this terminal; true if it succeeded. */
export function runTool(name: string, args: readonly string[]): boolean {
  const { status, error } = spawnSync(toolPath(name), args, {
    cwd: repositoryRoot,
    stdio: 'inherit',
  })
  if (error !== undefined) throw error
  return status === 0
}
