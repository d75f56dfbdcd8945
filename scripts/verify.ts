// `npm run verify`: everything that must hold before a commit is shared, cheapest first. Stops at the
// first step that fails; each step also runs alone, by the command printed.

import { spawnSync } from 'node:child_process'
import { performance } from 'node:perf_hooks'
import { repositoryRoot } from './repository.ts'

const steps: readonly (readonly [name: string, ...args: string[]])[] = [
  ['format:check'],
  ['lint'],
  ['tidy'],
  ['build'],
  ['layers'],
  ['unused'],
  ['api'],
  ['test'],
  ['simulate', '--seeds', '20'],
  ['docs'],
  ['package:check'],
]

process.exitCode = steps.every(runStep) ? 0 : 1

function runStep([name, ...args]: readonly [name: string, ...args: string[]]): boolean {
  const command = ['run', '--silent', name, ...(args.length === 0 ? [] : ['--', ...args])]
  console.log(`\n> npm ${command.join(' ')}`)
  const startedAt = performance.now()
  const { status } = spawnSync('npm', command, { cwd: repositoryRoot, stdio: 'inherit' })
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`${status === 0 ? 'ok' : 'FAILED'}: ${name}, ${seconds} s`)
  return status === 0
}
