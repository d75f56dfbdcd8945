/** The commands for operators: where entities live, and which nodes take them. */
import type { Command } from 'commander'
import { drainCommand, moveCommand, planCommand, replaceCommand } from './commands/operate.ts'

/** How a node is named on the command line. */
const NODE = 'a node’s id, the beginning of it, or its slot on this machine (epic ps shows them)'

/** What commands for the running app share. */
export interface SharedOptions {
  readonly dataFolder: string
  readonly wholeNumber: (text: string) => number
}

export function addOperatorCommands(
  program: Command,
  { dataFolder, wholeNumber }: SharedOptions,
): void {
  const command = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .option('-d, --data <folder>', 'the running app’s data folder', dataFolder)
      .option('--json', 'print JSON')
  command('move', 'move an entity to another node while it runs')
    .argument('<entity>', 'as in Player/bob')
    .argument('<node>', NODE)
    .action(moveCommand)
  command('drain', 'have a node give all that it has to the others')
    .argument('<node>', NODE)
    .option('--restart', 'start it anew when it has nothing any more')
    .option('--cancel', 'let a node that drains take partitions and entities again')
    .action(drainCommand)
  command(
    'plan',
    'say what a join or a leave would move, and what balance moves next; nothing is moved',
  )
    .option('--join <count>', 'so many nodes of the usual weight join', wholeNumber)
    .option('--leave <node>', `it leaves: ${NODE}`)
    .action(planCommand)
  command('replace', 'move an entity to a node that runs another version of the app')
    .argument('<entity>', 'as in Matchmaker/0')
    .requiredOption('--app-version <version>', 'the version that is to run it')
    .action(replaceCommand)
}
