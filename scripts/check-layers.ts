// `npm run layers`: holds imports, package.json and tsconfig.json of every workspace to the layers.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findBreaches, type LayeredWorkspace } from './layers.ts'
import {
  listFiles,
  listWorkspaces,
  readManifest,
  repositoryRoot,
  type Workspace,
} from './repository.ts'
import { importsOf } from './syntax.ts'

const workspaces = listWorkspaces().map(withFiles)
const { devDependencies: toolchain } = readManifest(repositoryRoot)
const breaches = [...findBreaches(workspaces, toolchain), ...workspaces.flatMap(referenceBreaches)]

for (const breach of breaches) console.error(breach)
const files = workspaces.reduce((sum, workspace) => sum + workspace.files.length, 0)
console.log(
  `layers: ${files} files of ${workspaces.length} workspaces, ${breaches.length} breaches`,
)
process.exitCode = breaches.length === 0 ? 0 : 1

function withFiles(workspace: Workspace): LayeredWorkspace {
  const files = listFiles(repositoryRoot, workspace.folder, '.ts').map((path) => ({
    path,
    imports: importsOf(path, readFileSync(join(repositoryRoot, path), 'utf8')),
  }))
  return { ...workspace, files }
}

/** A dependency without a reference is built too late or not at all; one too many is a leftover. */
function referenceBreaches({ folder, manifest }: LayeredWorkspace): string[] {
  const config = join(repositoryRoot, folder, 'tsconfig.json')
  if (!existsSync(config)) return [`${folder}: has no tsconfig.json`]
  const { references = [] } = JSON.parse(readFileSync(config, 'utf8')) as {
    references?: { path: string }[]
  }
  const referenced = references.map(({ path }) => join(folder, path))
  const needed = workspaces
    .filter((other) => other.manifest.name in (manifest.dependencies ?? {}))
    .map((other) => other.folder)
  return [
    ...needed
      .filter((other) => !referenced.includes(other))
      .map((other) => `${folder}/tsconfig.json: lacks a reference to ${other}`),
    ...referenced
      .filter((other) => !needed.includes(other))
      .map((other) => `${folder}/tsconfig.json: references ${other}, which package.json does not`),
  ]
}
