/** The `epic` command as a program of this package; `epicserver` has it for those who install it. */
import { runCommandLine } from './command-line.ts'

await runCommandLine(process.argv)
