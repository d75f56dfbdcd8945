// `npm run package:check`: packs every public package, lets publint and attw judge the tarballs, then
// installs them in an empty project and uses them as a stranger would: imports every entry point,
// compiles against the types without our settings, starts the commands, and makes a project with
// `epic new`, which must pass its tests and run. They are judged while they are used: neither needs
// more than one processor.

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { entryPointsOf, unwantedIn } from './package-contents.ts'
import { listWorkspaces, repositoryRoot, toolPath } from './repository.ts'

const packages = listWorkspaces().filter(({ manifest }) => manifest.private !== true)
const folder = mkdtempSync(join(tmpdir(), 'epic-packages-'))
const tarballs = join(folder, 'tarballs')
const project = join(folder, 'project')

const run = promisify(execFile)
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

try {
  const isGood = (await packAll()) && (await Promise.all([judgeAll(), useAll()])).every(Boolean)
  console.log(`packages: ${packages.length} ${isGood ? 'packed, installed and used' : 'checked'}`)
  process.exitCode = isGood ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function packAll(): Promise<boolean> {
  mkdirSync(tarballs)
  const selection = packages.flatMap(({ folder: workspace }) => ['--workspace', workspace])
  const args = ['pack', '--json', '--pack-destination', tarballs, ...selection]
  const packed = await outputOf('npm', args)
  if (packed === undefined) return false
  const contents = Object.values(JSON.parse(packed) as Record<string, PackedPackage>)
  const unwanted = contents.flatMap(({ name, files }) =>
    unwantedIn(files.map(({ path }) => path)).map((path) => `${name}: packs ${path}`),
  )
  for (const sentence of unwanted) console.error(sentence)
  return unwanted.length === 0
}

interface PackedPackage {
  readonly name: string
  readonly files: readonly { readonly path: string }[]
}

async function judgeAll(): Promise<boolean> {
  for (const { manifest } of packages) {
    const tarball = tarballOf(manifest.name, manifest.version)
    const isGood =
      (await succeeds(toolPath('publint'), ['run', tarball, '--strict'])) &&
      (await succeeds(toolPath('attw'), [tarball, '--profile', 'esm-only', '--no-emoji']))
    if (!isGood) return false
  }
  return true
}

async function useAll(): Promise<boolean> {
  return (
    (await install()) &&
    (await importAll()) &&
    (await compileAll()) &&
    (await startAll()) &&
    (await beginProject())
  )
}

async function install(): Promise<boolean> {
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n')
  return await installInto(project)
}

/** The tarballs stand in for a registry that has this version. */
async function installInto(target: string): Promise<boolean> {
  const files = packages.map(({ manifest }) => tarballOf(manifest.name, manifest.version))
  const options = ['--no-audit', '--no-fund', '--prefer-offline']
  return await succeeds('npm', ['install', ...options, ...files], target)
}

async function importAll(): Promise<boolean> {
  for (const entry of entryPointsOf(packages.map(({ manifest }) => manifest))) {
    const args = ['--input-type=module', '-e', `import '${entry}'`]
    if (!(await succeeds(process.execPath, args, project))) return false
  }
  return true
}

async function compileAll(): Promise<boolean> {
  const entries = entryPointsOf(packages.map(({ manifest }) => manifest))
  const lines = entries.map((entry, index) => `export * as p${index} from '${entry}'`)
  writeFileSync(join(project, 'use.ts'), `${lines.join('\n')}\n`)
  const settings = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2023']
  const types = ['--types', 'node', '--typeRoots', join(repositoryRoot, 'node_modules/@types')]
  return await succeeds(toolPath('tsc'), [...settings, ...types, 'use.ts'], project)
}

async function startAll(): Promise<boolean> {
  for (const command of packages.flatMap(({ manifest }) => Object.keys(manifest.bin ?? {}))) {
    const path = join(project, 'node_modules/.bin', command)
    if (!(await succeeds(path, ['--help'], project))) return false
  }
  return true
}

/** What a newcomer types: `epic new`, `npm install`, `npm test`, `npm start`. */
async function beginProject(): Promise<boolean> {
  const hello = join(folder, 'hello')
  return (
    (await succeeds(join(project, 'node_modules/.bin/epic'), ['new', 'hello'], folder)) &&
    (await installInto(hello)) &&
    (await succeeds('npm', ['test'], hello)) &&
    (await succeeds('npm', ['start', '--', '--exit-after-setup'], hello))
  )
}

function tarballOf(name: string, version: string): string {
  const path = join(tarballs, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)
  if (!existsSync(path)) throw new Error(`Cannot find what npm packed of ${name}: no ${path}`)
  return path
}

async function succeeds(program: string, args: string[], cwd?: string): Promise<boolean> {
  return (await outputOf(program, args, cwd)) !== undefined
}

/** The program's output, or undefined with the complaint printed. */
async function outputOf(
  program: string,
  args: string[],
  cwd = repositoryRoot,
): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, args, { cwd, maxBuffer: OUTPUT_BYTES_MAX })
    return stdout
  } catch (error) {
    // The command and its complaints are in the message.
    const { message, stdout } = error as Error & { readonly stdout: string }
    console.error(`${message}\n${stdout}`)
    return undefined
  }
}
