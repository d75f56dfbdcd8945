/** `epic run` with its options: those of one machine here, those of a cluster in `cluster-options.ts`. */
import type { LogLevel } from '@epicserver/runtime/host'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { addClusterOptions } from './cluster-options.ts'
import { runCommand, type RunOptions } from './commands/run.ts'
import { applyConfigFile } from './config-file.ts'

/** What the commands have in common. */
interface Shared {
  readonly dataFolder: string
  readonly wholeNumber: (text: string) => number
}

export function addRunCommand(program: Command, { dataFolder, wholeNumber }: Shared): void {
  const run = program
    .command('run')
    .description('run an app on all cores of this machine, alone or with other machines')
    .argument('<app>', 'the file whose default export is defineApp({ … })')
    .option('-p, --processes <count>', 'node processes; one a core without it', wholeNumber)
    .option('-d, --data <folder>', 'where the app’s data lies', dataFolder)
    .option(
      '--lease-ms <ms>',
      'how long a silent node keeps its entities: 2000, in a cluster 6000',
      wholeNumber,
    )
    .addOption(
      new Option(
        '--balance-ms <ms>',
        'how often nodes look whether entities should live elsewhere: 5000; 0 is never',
      )
        .argParser(milliseconds)
        .env('EPIC_BALANCE_MS'),
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
}

function logLevel(text: string): LogLevel {
  if (text === 'debug' || text === 'info' || text === 'warn' || text === 'error') return text
  throw new InvalidArgumentError('It must be debug, info, warn or error.')
}

function milliseconds(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 0) return value
  throw new InvalidArgumentError('It must be a whole number of milliseconds, or 0.')
}
