#!/usr/bin/env node
/** The `epic` command: reads what was asked, runs it, and ends with a code that a script can rely on (see `exit-codes.ts`). */
import { CommanderError } from 'commander'
import { exitCodeFor } from './exit-codes.ts'
import { printError } from './output.ts'
import { createProgram } from './program.ts'

try {
  await createProgram().parseAsync(process.argv)
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2
  } else {
    printError(error, process.argv.includes('--json'))
    process.exitCode = exitCodeFor(error)
  }
}
