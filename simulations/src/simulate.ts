/**
 * `npm run simulate -- [--seeds N] [--from S] [--scenario NAME] [--mutations] [--trace] [--json]`
 *
 * Runs a scenario for many seeds, one after the other. A seed that fails prints what broke, the end of its trace, and the command
 * that replays it; the exit code is then 1. With `--json` the last line is one object.
 */
import { parseArgs } from 'node:util'
import { FAILED_DETAILS_MAX, runSeeds, type Report } from './run-seeds.ts'
import { runMutations } from './run-mutations.ts'
import { barrels } from '../scenarios/barrels.ts'
import { ground } from '../scenarios/ground.ts'
import type { Scenario } from '../scenarios/scenario.ts'

const scenarios: readonly Scenario[] = [ground, barrels]

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    scenario: { type: 'string', default: 'ground' },
    mutations: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

const scenario = scenarios.find(({ name }) => name === values.scenario)
if (scenario === undefined) {
  console.error(`There is no scenario "${values.scenario}":`)
  for (const { name, summary } of scenarios) console.error(`  ${name.padEnd(10)} ${summary}`)
  process.exitCode = 2
} else {
  await main(scenario)
}

async function main(chosen: Scenario): Promise<void> {
  const [count, from] = [wholeNumber('seeds', values.seeds), wholeNumber('from', values.from)]
  const print = (line: string): void => void process.stdout.write(`${line}\n`)
  const report = values.mutations
    ? await runMutations(chosen, { count, from, print })
    : await runSeeds(chosen, { count, from, print, ...(values.trace && { trace: print }) })
  if (values.json) print(JSON.stringify(report))
  else summarise(report, print)
  process.exitCode = report.failed.length === 0 ? 0 : 1
}

function summarise(
  { seeds, failed, virtualMs, realMs, faults }: Report,
  print: (line: string) => void,
): void {
  const ratio = Math.round(virtualMs / realMs)
  const count = Object.values(faults).reduce((sum, each) => sum + each, 0)
  print(
    `${seeds} seeds, ${(virtualMs / 60_000).toFixed(1)} minutes simulated in ${(realMs / 1_000).toFixed(1)} s (${ratio} times real time), ${count} faults`,
  )
  print(
    failed.length === 0
      ? 'no seed failed'
      : `${failed.length} seeds failed: ${failed.slice(0, FAILED_DETAILS_MAX).join(' ')}`,
  )
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1)
    throw new RangeError(`--${option} must be a whole number from 1, not "${text}"`)
  return number
}
