/** `epic new`: a project that runs and whose tests pass. */
import { readdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EpicError } from '@epicserver/contracts'
import { makeFolders } from '@epicserver/runtime/host'
import { printJson, printLine } from '../output.ts'
import { projectFiles, type PackageSource } from '../project-files.ts'
import { VERSION } from '../version.ts'

/** Where this package lies beside its siblings. */
const PACKAGES = fileURLToPath(new URL('../../..', import.meta.url))

export async function newCommand(
  name: string,
  options: { readonly json?: boolean },
): Promise<void> {
  const folder = resolve(name)
  const there = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw refused(folder, error)
  })
  if (there.length > 0)
    throw new EpicError(
      'AlreadyExists',
      `Cannot make a project in ${folder}: the folder is not empty`,
      { details: { remedy: 'Choose another name.' } },
    )
  await writeProject(folder).catch((error: unknown) => {
    throw refused(folder, error)
  })
  if (options.json === true) printJson({ created: folder })
  else
    printLine(
      `Made ${folder}. Next:\n\n  cd ${quoted(name)}\n  npm install\n  npm start\n  npm test`,
    )
}

async function writeProject(folder: string): Promise<void> {
  for (const [path, text] of Object.entries(projectFiles(packageName(folder), sourceFor(folder)))) {
    await makeFolders(dirname(join(folder, path)))
    await writeFile(join(folder, path), text)
  }
}

function refused(folder: string, cause: unknown): EpicError {
  const found = cause instanceof Error ? cause.message : String(cause)
  return new EpicError('FileFailed', `Cannot make a project in ${folder}: ${found}`, {
    cause,
    retry: 'safe',
    details: { remedy: 'Choose a folder in which you may write.' },
  })
}

function packageName(folder: string): string {
  return (
    basename(folder)
      .toLowerCase()
      .replaceAll(/[^a-z0-9-]+/g, '-')
      .replace(/^-+/, '') || 'world'
  )
}

/** A version from the registry; for a project made by a checkout, the checkout, which need not be published. */
function sourceFor(project: string): PackageSource {
  if (PACKAGES.includes(`${sep}node_modules${sep}`)) return () => `^${VERSION}`
  return (folder) => `file:${relative(project, join(PACKAGES, folder)).replaceAll(sep, '/')}`
}

/** As a shell takes it. */
function quoted(name: string): string {
  return /^[\w./-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`
}
