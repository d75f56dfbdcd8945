/**
 * `npm run simulate -- [--scenario NAME] [--seeds N] [--from S] [--jobs J] [--mutations] [--trace] [--save NAME] [--json]`
 *
 * Runs a scenario for many seeds, one after the other. A seed that fails prints what broke, the end of its trace, and the command
 * that replays it; the exit code is then 1. With `--json` the last line is one object; `--save` keeps it, with its command.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { runProgram, wholeNumber } from './command-line.ts'
import { runJobs } from './run-jobs.ts'
import { runMutations, type MutationReport } from './run-mutations.ts'
import { FAILED_DETAILS_MAX, runSeeds, type Report } from './run-seeds.ts'
import { scenarioNamed, SCENARIOS } from './scenarios.ts'

interface Flags {
  readonly scenario?: string
  readonly seeds?: number
  readonly from: number
  readonly jobs: number
  readonly mutations?: true
  readonly trace?: true
  readonly save?: string
  readonly json?: true
}

const SEEDS = 100
/** In so many at the most each broken rule must be noticed. */
const SEEDS_OF_MUTATION = 500
/** Where a broken rule shows soonest. */
const SCENARIO_OF_MUTATIONS = 'cluster'
const results = new URL('../../results/', import.meta.url)

const names = SCENARIOS.map(({ name }) => name)
const usual = names[0] as string
const summaries = SCENARIOS.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}`)

const program = new Command('npm run simulate')
  .usage('-- [options]')
  .description('Runs a whole cluster in virtual time, for many seeds, while everything goes wrong.')
  .addOption(
    new Option(
      '--scenario <name>',
      `what is simulated: ${usual}, for mutations ${SCENARIO_OF_MUTATIONS}`,
    ).choices(names),
  )
  .option(
    '--seeds <count>',
    `how many seeds: ${SEEDS}, for each of the mutations ${SEEDS_OF_MUTATION}`,
    wholeNumber,
  )
  .option('--from <seed>', 'the first of them', wholeNumber, 1)
  .option('--jobs <count>', 'how many processes share the seeds', wholeNumber, 1)
  .option('--mutations', 'break one rule after the other and prove that each is noticed')
  .option('--trace', 'print all that happens')
  .option('--save <name>', 'keep the report in simulations/results, with its command')
  .option('--json', 'print one JSON object as the last line')
  .addHelpText('after', `\nScenarios:\n${summaries.join('\n')}`)
  .action(main)

await runProgram(program, process.argv.slice(2))

async function main(flags: Flags): Promise<void> {
  const { from, jobs } = flags
  // Failures by the hundred are part of every run, and nobody reads their stacks.
  if (!flags.trace) Error.stackTraceLimit = 0
  if (flags.mutations) {
    const scenario = scenarioNamed(flags.scenario ?? SCENARIO_OF_MUTATIONS)
    const count = flags.seeds ?? SEEDS_OF_MUTATION
    const report = await runMutations(scenario, { count, from, print })
    finish(report, flags)
    process.exitCode = areAllFound(report) ? 0 : 1
    return
  }
  const scenario = scenarioNamed(flags.scenario ?? usual)
  const seeds = { count: flags.seeds ?? SEEDS, from, print }
  const report =
    jobs > 1
      ? await runJobs({ ...seeds, scenario: scenario.name, jobs })
      : await runSeeds(scenario, { ...seeds, ...(flags.trace && { trace: print }) })
  if (!flags.json) summarise(report)
  finish(report, flags)
  process.exitCode = report.failed.length === 0 ? 0 : 1
}

function finish(report: object, { json, save }: Flags): void {
  if (save !== undefined) {
    const command = `npm run simulate -- ${process.argv.slice(2).join(' ')}`
    const kept = { command, node: process.version, ...report }
    mkdirSync(results, { recursive: true })
    writeFileSync(new URL(`${save}.json`, results), `${JSON.stringify(kept, null, 2)}\n`)
  }
  if (json) print(JSON.stringify(report))
}

function areAllFound({ mutations }: MutationReport): boolean {
  return Object.values(mutations).every(({ found }) => found !== null)
}

function summarise({ seeds, failed, virtualMs, realMs, cpuMs, faults }: Report): void {
  const [ratio, ofCpu] = [realMs, cpuMs].map((ms) => Math.round(virtualMs / ms))
  const count = Object.values(faults).reduce((sum, each) => sum + each, 0)
  const minutes = (virtualMs / 60_000).toFixed(1)
  print(
    `${seeds} seeds, ${minutes} minutes simulated in ${(realMs / 1_000).toFixed(1)} s (${ratio} times real time, ${ofCpu} times processor time), ${count} faults`,
  )
  print(
    failed.length === 0
      ? 'no seed failed'
      : `${failed.length} seeds failed: ${failed.slice(0, FAILED_DETAILS_MAX).join(' ')}`,
  )
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
