/**
 * The peers that come from npm live in `benchmarks/peers`, outside the workspaces, with a lock file
 * of their own, and are installed by the first bench that needs them: they weigh 400 MB, and nobody
 * who only wants to build, test or run Epic Server should have to fetch them.
 */

import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The folder with the peers' programs, seen from `dist/src/peers`. */
export const peersFolder: URL = new URL('../../../peers/', import.meta.url)

/** Resolves modules as a program inside the peers' folder would. */
export const requirePeer: NodeJS.Require = createRequire(new URL('package.json', peersFolder))

/**
 * Installs what the lock file names, unless that was done.
 *
 * @throws Error when npm cannot.
 */
export function installPeers(note: (text: string) => void): void {
  if (isInstalled()) return
  note('installing the peers (npm ci in benchmarks/peers)')
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
  const { status, stderr, error } = spawnSync('npm', args, {
    cwd: fileURLToPath(peersFolder),
    encoding: 'utf8',
  })
  if (error !== undefined) throw new Error('npm cannot be started', { cause: error })
  if (status !== 0) throw new Error(`npm ci in benchmarks/peers failed: ${firstError(stderr)}`)
}

/** The installed version; read from the file, because a package need not export it. */
export function versionOf(name: string): string {
  const file = new URL(`node_modules/${name}/package.json`, peersFolder)
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version
}

/** npm leaves its own copy of the lock file when it has finished. */
function isInstalled(): boolean {
  const [installed, wanted] = ['node_modules/.package-lock.json', 'package-lock.json'].map((path) =>
    statSync(new URL(path, peersFolder), { throwIfNoEntry: false }),
  )
  return installed !== undefined && wanted !== undefined && installed.mtimeMs >= wanted.mtimeMs
}

/** npm's first line of complaint that is a sentence; after the code come usage and the log's path. */
function firstError(stderr: string): string {
  const errors = stderr.split('\n').filter((line) => line.startsWith('npm error '))
  const [code = 'no reason given', reason = code] = errors.map((line) => line.slice(10).trim())
  return reason
}
