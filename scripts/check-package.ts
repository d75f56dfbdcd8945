// `npm run package:check`: packs every public package, lets publint and attw judge the tarballs, then
// installs them in an empty project and uses them as a stranger would: imports every entry point,
// compiles against the types without our settings, starts the commands, and makes a project with
// `epic new`, which must pass its tests and run.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { entryPointsOf, unwantedIn } from './package-contents.ts'
import { listWorkspaces, repositoryRoot, toolPath } from './repository.ts'

const packages = listWorkspaces().filter(({ manifest }) => manifest.private !== true)
const folder = mkdtempSync(join(tmpdir(), 'epic-packages-'))
const tarballs = join(folder, 'tarballs')
const project = join(folder, 'project')

try {
  const isGood =
    packAll() &&
    judgeAll() &&
    install() &&
    importAll() &&
    compileAll() &&
    startAll() &&
    beginProject()
  console.log(`packages: ${packages.length} ${isGood ? 'packed, installed and used' : 'checked'}`)
  process.exitCode = isGood ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function packAll(): boolean {
  mkdirSync(tarballs)
  const selection = packages.flatMap(({ folder: workspace }) => ['--workspace', workspace])
  const packed = succeed('npm', ['pack', '--json', '--pack-destination', tarballs, ...selection])
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

function judgeAll(): boolean {
  return packages.every(({ manifest }) => {
    const tarball = tarballOf(manifest.name, manifest.version)
    return (
      succeed(toolPath('publint'), ['run', tarball, '--strict']) !== undefined &&
      succeed(toolPath('attw'), [tarball, '--profile', 'esm-only', '--no-emoji']) !== undefined
    )
  })
}

function install(): boolean {
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n')
  return installInto(project)
}

/** The tarballs stand in for a registry that has this version. */
function installInto(target: string): boolean {
  const files = packages.map(({ manifest }) => tarballOf(manifest.name, manifest.version))
  const options = ['--no-audit', '--no-fund', '--prefer-offline']
  return succeed('npm', ['install', ...options, ...files], target) !== undefined
}

function importAll(): boolean {
  return entryPointsOf(packages.map(({ manifest }) => manifest)).every(
    (entry) =>
      succeed(process.execPath, ['--input-type=module', '-e', `import '${entry}'`], project) !==
      undefined,
  )
}

function compileAll(): boolean {
  const entries = entryPointsOf(packages.map(({ manifest }) => manifest))
  const lines = entries.map((entry, index) => `export * as p${index} from '${entry}'`)
  writeFileSync(join(project, 'use.ts'), `${lines.join('\n')}\n`)
  const settings = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2023']
  const types = ['--types', 'node', '--typeRoots', join(repositoryRoot, 'node_modules/@types')]
  return succeed(toolPath('tsc'), [...settings, ...types, 'use.ts'], project) !== undefined
}

function startAll(): boolean {
  const commands = packages.flatMap(({ manifest }) => Object.keys(manifest.bin ?? {}))
  return commands.every((command) => {
    const path = join(project, 'node_modules/.bin', command)
    return succeed(path, ['--help'], project) !== undefined
  })
}

/** What a newcomer types: `epic new`, `npm install`, `npm test`, `npm start`. */
function beginProject(): boolean {
  const hello = join(folder, 'hello')
  return (
    succeed(join(project, 'node_modules/.bin/epic'), ['new', 'hello'], folder) !== undefined &&
    installInto(hello) &&
    succeed('npm', ['test'], hello) !== undefined &&
    succeed('npm', ['start', '--', '--exit-after-setup'], hello) !== undefined
  )
}

function tarballOf(name: string, version: string): string {
  const path = join(tarballs, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)
  if (!existsSync(path)) throw new Error(`Cannot find what npm packed of ${name}: no ${path}`)
  return path
}

/** The program's output, or undefined with the complaint printed. */
function succeed(program: string, args: string[], cwd = repositoryRoot): string | undefined {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (status === 0) return stdout
  console.error(`${program} ${args.join(' ')}\n${error?.message ?? ''}${stdout}${stderr}`)
  return undefined
}
