/** The commands of `epic`, with their options and help. */
import type { LogLevel } from '@epicserver/runtime'
import { Command, InvalidArgumentError, Option } from 'commander'
import { addClusterOptions } from './cluster-options.ts'
import { callCommand, jsonList } from './commands/call.ts'
import { inspectCommand } from './commands/inspect.ts'
import { keyCommand } from './commands/key.ts'
import { newCommand } from './commands/new.ts'
import { psCommand } from './commands/ps.ts'
import { runCommand, type RunOptions } from './commands/run.ts'
import { applyConfigFile } from './config-file.ts'
import { addOperatorCommands } from './operator-commands.ts'
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
  const run = program
    .command('run')
    .description('run an app on all cores of this machine, alone or with other machines')
    .argument('<app>', 'the file whose default export is defineApp({ … })')
    .option('-p, --processes <count>', 'node processes; one a core without it', wholeNumber)
    .option('-d, --data <folder>', 'where the app’s data lies', DATA_FOLDER)
    .option(
      '--lease-ms <ms>',
      'how long a silent node keeps its entities: 2000, in a cluster 6000',
      wholeNumber,
    )
    .option('--production', 'do not check and freeze messages (also with NODE_ENV=production)')
    .option('--exit-after-setup', 'stop in good order when setup has run')
    .option('--log-level <level>', 'debug, info, warn or error', logLevel, 'info')
    .option('--json', 'log and print JSON')
    .addOption(
      new Option('--config <file>', 'options as JSON, where nothing else says them').env(
        'EPIC_CONFIG',
      ),
    )
    .action(async (appFile: string, { config }: { readonly config?: string }, command: Command) => {
      if (config !== undefined) await applyConfigFile(command, config)
      await runCommand(appFile, command.opts<RunOptions>())
    })
  addClusterOptions(run)
  program
    .command('key')
    .description('make the secret that the machines of a cluster share')
    .argument('<file>', 'where it is written, for its owner only')
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

function logLevel(text: string): LogLevel {
  if (text === 'debug' || text === 'info' || text === 'warn' || text === 'error') return text
  throw new InvalidArgumentError('It must be debug, info, warn or error.')
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number above 0.')
  return value
}
