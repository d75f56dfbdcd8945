/** Reads a command line, does what it asks, and sets the code that the process ends with (see `exit-codes.ts`). */
import { CommanderError } from 'commander'
import { exitCodeFor } from './exit-codes.ts'
import { printError } from './output.ts'
import { createProgram } from './program.ts'

/** @param argv - as in `process.argv` */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    // Who read it has seen enough (`| head`). An app goes on without anybody who looks.
    if (argv[2] !== 'run') process.exit()
  })
  try {
    await createProgram().parseAsync(argv)
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2
    } else {
      printError(error, argv.includes('--json'))
      process.exitCode = exitCodeFor(error)
    }
  }
}
