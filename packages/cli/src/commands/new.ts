/** `epic new`: a project that runs and whose tests pass. */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { EpicError } from '@epicserver/contracts'
import { printJson, printLine } from '../output.ts'
import { projectFiles } from '../project-files.ts'

export async function newCommand(
  name: string,
  options: { readonly json?: boolean },
): Promise<void> {
  const folder = resolve(name)
  const there = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  if (there.length > 0)
    throw new EpicError(
      'AlreadyExists',
      `Cannot make a project in ${folder}: the folder is not empty`,
    )
  const packageName =
    basename(folder)
      .toLowerCase()
      .replaceAll(/[^a-z0-9-]+/g, '-')
      .replace(/^-+/, '') || 'world'
  for (const [path, text] of Object.entries(projectFiles(packageName))) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  if (options.json === true) printJson({ created: folder })
  else printLine(`Made ${folder}. Next:\n\n  cd ${name}\n  npm install\n  npm start\n  npm test`)
}
