// What a published package may hold, and by which names it is imported.

import type { Manifest } from './repository.ts'

const wanted = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
  /^dist\/.+\.(js|d\.ts)(\.map)?$/,
  /^src\/.+\.ts$/,
  /^bin\/.+\.js$/,
  /^(assets|templates)\//,
]

/** Files that no user needs: tests, build information, notes, secrets left lying about. */
export function unwantedIn(files: readonly string[]): string[] {
  return files.filter((file) => !wanted.some((pattern) => pattern.test(file)))
}

/** `epicserver`, `@epicserver/net`, `@epicserver/net/raw`: whatever a program may import. */
export function entryPointsOf(manifests: readonly Manifest[]): string[] {
  return manifests.flatMap(({ name, exports = {} }) =>
    Object.keys(exports)
      .filter((key) => !key.endsWith('.json'))
      .map((key) => name + key.slice(1)),
  )
}
