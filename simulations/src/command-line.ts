/** What the programs of this workspace have in common: how they read their options, and what they say of wrong ones. */
import { CommanderError, InvalidArgumentError, type Command } from 'commander'

/** The exit code of a program that was called wrongly. */
const WRONG_USE = 2

/** For options that count something. */
export function wholeNumber(text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number >= 1) return number
  throw new InvalidArgumentError('It must be a whole number from 1.')
}

/** Reads the command line and runs what the program's action is. Help ends well, a wrong option with a sentence and code 2. */
export async function runProgram(program: Command, args: readonly string[]): Promise<void> {
  program.exitOverride().showHelpAfterError(`(${program.name()} -- --help shows all)`)
  try {
    await program.parseAsync([...args], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode === 0 ? 0 : WRONG_USE
  }
}
