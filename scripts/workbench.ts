// `npm run bench | simulate | chaos`: builds the workspace in question and runs its program with the
// arguments given. Fails loudly, with the path it looked for, when the program does not exist.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot, runTool } from './repository.ts'

interface Program {
  readonly project: string
  readonly source: string
  /** What it asks of Node besides. */
  readonly flags?: readonly string[]
}

const programs: Readonly<Record<string, Program>> = {
  bench: { project: 'benchmarks', source: 'src/main.ts' },
  simulate: {
    project: 'simulations',
    source: 'src/simulate.ts',
    // A seed makes some 50 MB that nobody needs when it ends: collected seldom, it costs an eighth less time.
    flags: ['--max-semi-space-size=64'],
  },
  chaos: { project: 'simulations', source: 'src/chaos.ts' },
}

const [name = '', ...args] = process.argv.slice(2)
process.exitCode = runProgram(name, args)

function runProgram(name: string, args: readonly string[]): number {
  const program = programs[name]
  if (program === undefined) return complain(`Unknown program "${name}"`)
  const { project, source, flags = [] } = program
  if (!existsSync(join(repositoryRoot, project, source))) {
    return complain(`Cannot run "${name}": ${project}/${source} does not exist`)
  }
  if (!runTool('tsc', ['-b', project])) return 1
  const script = join(repositoryRoot, project, 'dist', source.replace(/\.ts$/, '.js'))
  const nodeFlags = ['--enable-source-maps', '--expose-gc', ...flags]
  const { status, signal } = spawnSync(process.execPath, [...nodeFlags, script, ...args], {
    cwd: repositoryRoot,
    stdio: 'inherit',
  })
  return signal === null ? (status ?? 1) : complain(`"${name}" was ended by ${signal}`)
}

function complain(message: string): number {
  console.error(message)
  return 1
}
