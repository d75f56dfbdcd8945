/** The commands that look at a running cluster and change nothing. */
import { InvalidArgumentError, type Command } from 'commander'
import { dbCommand } from './commands/db.ts'
import { statusCommand } from './commands/status.ts'
import { topCommand } from './commands/top.ts'

export function addWatchingCommands(program: Command, dataFolder: string): void {
  const folder = ['-d, --data <folder>', 'the running app’s data folder', dataFolder] as const
  program
    .command('status')
    .description('show the cluster over all its machines; ends with 1 when something is wrong')
    .option(...folder)
    .option('--json', 'print JSON')
    .action(statusCommand)
  program
    .command('top')
    .description('show the cluster again and again; q ends it')
    .option(...folder)
    .option('-e, --every <seconds>', 'how often', seconds, 1)
    .option('-c, --count <times>', 'look so many times', times)
    .option('--json', 'print a JSON object each time')
    .action(topCommand)
  program
    .command('db')
    .description('show what the statements on the state store cost')
    .option(...folder)
    .option('--json', 'print JSON')
    .option('--metrics', 'print OpenMetrics, for what collects metrics')
    .action(dbCommand)
}

const SECONDS_MIN = 0.1

function seconds(text: string): number {
  const value = Number(text)
  if (value >= SECONDS_MIN) return value
  throw new InvalidArgumentError(`It must be a number of seconds, at least ${SECONDS_MIN}.`)
}

function times(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new InvalidArgumentError('It must be a whole number above 0.')
}
