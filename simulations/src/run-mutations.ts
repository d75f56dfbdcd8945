/** Proves that the checkers bite: breaks one rule after the other, and counts the seeds until somebody notices. */
import type { SimulationMutation } from '@epicserver/testkit'
import { runSeeds, type Report, type SeedsOptions } from './run-seeds.ts'
import type { Scenario } from '../scenarios/scenario.ts'

const MUTATIONS: readonly SimulationMutation[] = [
  'noSelfFence',
  'deadlineFromResponse',
  'noWedge',
  'installedBeforeStopped',
  'waitsNotPruned',
  'clockStandsStill',
  'shortGapsIgnored',
  'leasesRevive',
  'noStoreGuard',
  'storeForgets',
]

/** The report's `failed` are the mutations that nobody noticed, by their place in the list. */
export async function runMutations(scenario: Scenario, options: SeedsOptions): Promise<Report> {
  const total: Report = { seeds: 0, failed: [], virtualMs: 0, realMs: 0, faults: {} }
  for (const [index, mutation] of MUTATIONS.entries()) {
    const report = await runSeeds(scenario, {
      ...options,
      mutations: [mutation],
      untilFailed: true,
    })
    const noticed = report.failed[0]
    options.print(
      `${mutation.padEnd(24)} ${noticed === undefined ? `NOT NOTICED in ${report.seeds} seeds` : `noticed at seed ${noticed}`}`,
    )
    if (noticed === undefined) total.failed.push(index)
    total.seeds = total.seeds + report.seeds
    total.virtualMs += report.virtualMs
    total.realMs += report.realMs
  }
  return total
}
