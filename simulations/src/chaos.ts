/**
 * `npm run chaos -- <scenario> [--json] [--times N] [--seconds S] [--seed X] [--processes P] [--keep]`: a real app, real
 * processes, real harm.
 *
 * | scenario             | what is done to the app                                                      |
 * |----------------------|------------------------------------------------------------------------------|
 * | `kill`               | random nodes are killed with SIGKILL every few hundred milliseconds           |
 * | `pause`              | random nodes are frozen with SIGSTOP, around the length of their lease        |
 * | `supervisor`         | the supervisor is killed with SIGKILL, and the app is started again           |
 * | `disk`               | the disk is filled, and room is made again                                    |
 * | `fuzz`               | strangers say a million hostile frames to the nodes’ sockets                 |
 * | `fuzz-tcp`           | the same from a machine of its own, over tcp, to the nodes of a cluster      |
 * | `machine-loss`       | a machine of three is cut off and all on it killed, its etcd too              |
 * | `partition`          | a machine of three is cut off, made deaf, or unheard; and mended              |
 * | `host-pause`         | all of the app on a machine of three is frozen past its lease; and thawed     |
 * | `engine-leader-kill` | the leader of the three etcds is killed; all three stand still for a while    |
 * | `rolling-restart`    | each machine of three is stopped in good order and started again              |
 * | `drain`              | a node after the other gives all that it has to the others, and takes it again |
 * | `join`               | a machine joins two others                                                    |
 *
 * Machines are network namespaces, with an etcd each and a PostgreSQL beside them; who may not make those skips, and says why.
 * `--times`, or `--kills`, is how often the harm is done.
 *
 * Each ends with what was lost, doubled and unanswered; anything but nothing makes the command fail, and it then says where the data
 * folder and the app's log lie. The seed decides what is harmed and when, but real processes have their own timing: a run cannot be
 * replayed exactly (the simulator's can: `npm run simulate`).
 */
import { Argument, Command } from 'commander'
import { SCENARIOS } from './chaos/scenarios.ts'
import { runProgram, wholeNumber } from './command-line.ts'

interface Flags {
  readonly times?: number
  readonly kills?: number
  readonly seconds: number
  readonly seed: number
  readonly processes?: number
  readonly keep?: true
  readonly json?: true
}

const names = Object.keys(SCENARIOS)
const anySeed = 1 + Math.floor(Math.random() * 0xffff_ffff)

const program = new Command('npm run chaos')
  .usage('-- [options] [scenario]')
  .description('Does harm to real processes of a real app, and counts what was lost.')
  .addArgument(new Argument('[scenario]', 'what is done').choices(names).default(names[0]))
  .option('--times <count>', 'how often the harm is done', wholeNumber)
  .option('--kills <count>', 'the same, for those that kill', wholeNumber)
  .option('--seconds <count>', 'when it ends at the latest', wholeNumber, 540)
  .option('--seed <number>', 'decides what is harmed and when', wholeNumber, anySeed)
  .option('--processes <count>', 'node processes of a machine', wholeNumber)
  .option('--keep', 'leave data and log where they are')
  .option('--json', 'print one JSON object as the last line')
  .action(main)

await runProgram(program, process.argv.slice(2))

async function main(name: string, flags: Flags): Promise<void> {
  const { seed, seconds, processes, json } = flags
  const outcome = await SCENARIOS[name]?.({
    seed,
    seconds,
    times: flags.times ?? flags.kills,
    processes,
    isKept: flags.keep === true,
    note: (text) => console.error(`${name}: ${text}`),
  })
  if (outcome === undefined) return
  if (typeof outcome === 'string') {
    console.error(`${name}: skipped, since ${outcome}`)
    if (json) console.log(JSON.stringify({ scenario: name, skipped: outcome }))
    return
  }
  const { report, problems, folder } = outcome
  const isPassed = problems.length === 0
  for (const problem of problems.slice(0, 20)) console.error(`${name}: ${problem}`)
  if (!isPassed)
    console.error(`${name}: data and log are kept in ${folder}; this run: --seed ${seed}`)
  console.log(json ? JSON.stringify({ scenario: name, seed, passed: isPassed, ...report }) : report)
  process.exitCode = isPassed ? 0 : 1
}
