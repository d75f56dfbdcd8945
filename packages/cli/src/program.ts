/** The commands of `epic`, with their options and help. */
import { Command, InvalidArgumentError } from 'commander'
import { callCommand, jsonList } from './commands/call.ts'
import { inspectCommand } from './commands/inspect.ts'
import { keyCommand } from './commands/key.ts'
import { newCommand } from './commands/new.ts'
import { psCommand } from './commands/ps.ts'
import { addOperatorCommands } from './operator-commands.ts'
import { addRunCommand } from './run-command.ts'
import { VERSION } from './version.ts'
import { addWatchingCommands } from './watching-commands.ts'

const DATA_FOLDER = '.epic'

export function createProgram(): Command {
  const program = new Command('epic')
  program
    .description('Runs plain classes as entities: placed, saved, moved, and kept running.')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(epic --help shows all commands)')
  addRunCommand(program, { dataFolder: DATA_FOLDER, wholeNumber })
  program
    .command('key')
    .description('make the secret that the machines of a cluster share, or exchange it')
    .argument('[file]', 'where it is written, for its owner only')
    .option('--add', 'write it below the keys that the file has')
    .option('--reload', 'have the running app read its key file again')
    .option('-d, --data <folder>', 'the running app’s data folder', DATA_FOLDER)
    .option('--json', 'print JSON')
    .action(keyCommand)
  program
    .command('new')
    .description('make a project that runs and whose tests pass')
    .argument('<name>', 'the new folder')
    .option('--json', 'print JSON')
    .action(newCommand)
  program
    .command('call')
    .description('call an operation of an entity of the running app')
    .argument('<entity>', 'as in Player/bob')
    .argument('<operation>', 'as in getScore')
    .argument('[arguments]', 'a JSON list', jsonList, [])
    .option('-d, --data <folder>', 'the running app’s data folder', DATA_FOLDER)
    .option('--json', 'print JSON')
    .action(callCommand)
  program
    .command('ps')
    .description('list the node processes and the entities in memory')
    .option('-t, --type <type>', 'only entities of this type')
    .option('-n, --limit <count>', 'at most so many entities a node', wholeNumber, 50)
    .option('-d, --data <folder>', 'the running app’s data folder', DATA_FOLDER)
    .option('--json', 'print JSON')
    .action(psCommand)
  program
    .command('inspect')
    .description('show the state of an entity, in memory or saved')
    .argument('<entity>', 'as in Player/bob')
    .option('-d, --data <folder>', 'the running app’s data folder', DATA_FOLDER)
    .option('--json', 'print JSON')
    .action(inspectCommand)
  addOperatorCommands(program, { dataFolder: DATA_FOLDER, wholeNumber })
  addWatchingCommands(program, DATA_FOLDER)
  for (const command of program.commands) command.exitOverride()
  return program
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number above 0.')
  return value
}
