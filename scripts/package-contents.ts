// What a published package may hold, and by which names it is imported.

import type { Manifest } from './repository.ts'

const wanted = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
  /^dist\/.+\.(js|d\.ts)(\.map)?$/,
  /^src\/.+\.ts$/,
  /^(assets|templates)\//,
]

/** Files that no user needs: tests, build information, notes, secrets left lying about. */
export function unwantedIn(files: readonly string[]): string[] {
  return files.filter((file) => !wanted.some((pattern) => pattern.test(file)))
}

/**
 * `epicserver`, `@epicserver/net`, `@epicserver/net/raw`: whatever a program may import. What is a
 * command runs when it is imported, and is started instead.
 */
export function entryPointsOf(manifests: readonly Manifest[]): string[] {
  return manifests.flatMap(({ name, exports = {}, bin = {} }) => {
    const commands = new Set(Object.values(bin))
    return Object.entries(exports)
      .filter(([key, target]) => !key.endsWith('.json') && !commands.has(defaultOf(target)))
      .map(([key]) => name + key.slice(1))
  })
}

/** The file that an entry of `exports` leads to. */
function defaultOf(target: unknown): string {
  if (typeof target === 'string') return target
  return (target as { readonly default?: string }).default ?? ''
}
