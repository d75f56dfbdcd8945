/** Runs a scenario for many seeds and adds up what came of them. */
import { SimulationFailed } from '@epicserver/testkit'
import type { SimulationMutation, SimulationResult } from '@epicserver/testkit'
import type { RunOptions, Scenario } from '../scenarios/scenario.ts'

/** What many runs came to; the last line of `--json`. */
export interface Report {
  seeds: number
  /** The seeds that failed. */
  readonly failed: number[]
  virtualMs: number
  realMs: number
  /** Processor time, which tells more where the machine has other things to do. */
  cpuMs: number
  /** How often which fault occurred. */
  readonly faults: Record<string, number>
}

export interface SeedsOptions {
  readonly count: number
  readonly from: number
  readonly print: (line: string) => void
  readonly trace?: (line: string) => void
  readonly mutations?: readonly SimulationMutation[]
  /** Stops at the first failure. */
  readonly untilFailed?: boolean
}

export function emptyReport(): Report {
  return { seeds: 0, failed: [], virtualMs: 0, realMs: 0, cpuMs: 0, faults: {} }
}

/** Adds what some seeds came to. */
export function addReport(total: Report, part: Report): void {
  total.seeds += part.seeds
  total.virtualMs += part.virtualMs
  total.cpuMs += part.cpuMs
  total.realMs += part.realMs
  total.failed.push(...part.failed)
  for (const [kind, times] of Object.entries(part.faults))
    total.faults[kind] = (total.faults[kind] ?? 0) + times
}

/** Of how many failures the whole story is told. */
export const FAILED_DETAILS_MAX = 5

export async function runSeeds(scenario: Scenario, options: SeedsOptions): Promise<Report> {
  const { count, from, print, trace, mutations = [] } = options
  const startedAt = performance.now()
  const cpuBefore = process.cpuUsage()
  const report = emptyReport()
  for (let seed = from; seed < from + count; seed += 1) {
    const run = { seed, mutations, ...(trace && { print: trace }) }
    const outcome = await outcomeOf(scenario, { ...run, isTraced: trace !== undefined })
    const { virtualMs, faults } = outcome
    addReport(report, { ...emptyReport(), seeds: 1, virtualMs, faults })
    if (!(outcome instanceof SimulationFailed)) continue
    report.failed.push(seed)
    if (options.untilFailed === true) break
    if (report.failed.length > FAILED_DETAILS_MAX)
      print(`seed ${seed} failed: ${outcome.message.split('\n')[0]}`)
    else print(`seed ${seed} failed: ${await storyOf(scenario, run, outcome)}\n`)
  }
  report.realMs = Math.round(performance.now() - startedAt)
  const { user, system } = process.cpuUsage(cpuBefore)
  report.cpuMs = Math.round((user + system) / 1_000)
  report.virtualMs = Math.round(report.virtualMs)
  return report
}

async function outcomeOf(
  scenario: Scenario,
  run: RunOptions,
): Promise<SimulationResult | SimulationFailed> {
  return await scenario.run(run).catch((error: unknown) => failureOf(error))
}

/** What led to a failure: seeds run without a trace, and the same seed is the same world. */
async function storyOf(
  scenario: Scenario,
  run: RunOptions,
  { message }: SimulationFailed,
): Promise<string> {
  const again = await outcomeOf(scenario, run)
  if (again instanceof SimulationFailed) return again.message
  return `${message}\n\nIt did not fail when it ran again: it is not the same world for the same seed`
}

/** Anything but the failure of a simulation is a mistake of this program. */
function failureOf(error: unknown): SimulationFailed {
  if (error instanceof SimulationFailed) return error
  throw error
}
