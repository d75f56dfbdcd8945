/**
 * Proves that the checkers bite: breaks one rule after the other, and counts the seeds until somebody notices.
 *
 * | rule of the protocol | mutation |
 * | --- | --- |
 * | a node fences itself before its lease ends | `noSelfFence` |
 * | the deadline counts from when a renewal was sent | `deadlineFromResponse` |
 * | nobody serves before all members have installed the view | `noWedge` |
 * | hand-off in order: "installed" is said when what was lost has stopped | `installedBeforeStopped` |
 * | calls of a pair keep their order | `unorderedLinks` |
 * | nobody is waited for whom a later view has dropped | `waitsNotPruned` |
 * | a clock that stands still is noticed, also for a moment | `clockStandsStill`, `shortGapsIgnored` |
 * | an expired lease never works again | `leasesRevive` |
 * | the state store refuses older epochs and versions | `noStoreGuard`, `noStoreEpoch` |
 * | what is said to be durable is | `storeForgets` |
 * | what is known of calls is saved with the state | `dedupApart` |
 * | memory is not trusted after an unknown outcome | `memoryKeptAfterUnknown` |
 * | an owner of before is not believed; an owner asks what lives elsewhere | `termsIgnored`, `reportsIgnored` |
 * | a grant counts for the question that is open | `lateGrantsTaken` |
 * | the owner decides how a move ends | `startsBeforeCommit`, `resumesUnasked` |
 */
import type { SimulationMutation } from '@epicserver/testkit'
import type { Scenario } from '../scenarios/scenario.ts'
import { firstModelSeedToNotice } from './model-seeds.ts'
import { runSeeds, type SeedsOptions } from './run-seeds.ts'

/** Broken in the real runtime. */
const OF_RUNTIME: readonly SimulationMutation[] = [
  'noSelfFence',
  'deadlineFromResponse',
  'noWedge',
  'installedBeforeStopped',
  'unorderedLinks',
  'waitsNotPruned',
  'clockStandsStill',
  'shortGapsIgnored',
  'noStoreGuard',
  'storeForgets',
]

/** Broken in the model of the fabric. */
const OF_MODEL = [
  'leasesRevive',
  'noStoreEpoch',
  'dedupApart',
  'memoryKeptAfterUnknown',
  'termsIgnored',
  'reportsIgnored',
  'lateGrantsTaken',
  'startsBeforeCommit',
  'resumesUnasked',
] as const

/** What `--mutations --json` ends with. */
export interface MutationReport {
  readonly mutations: Record<string, Finding>
}

interface Finding {
  /** The first seed in which it was noticed; `null` if it was in none. */
  readonly found: number | null
  /** How many seeds that took. */
  readonly seeds: number
}

export async function runMutations(
  scenario: Scenario,
  options: SeedsOptions,
): Promise<MutationReport> {
  const mutations: Record<string, Finding> = {}
  const note = (mutation: string, found: number | null): void => {
    const seeds = found === null ? options.count : found - options.from + 1
    mutations[mutation] = { found, seeds }
    const what = found === null ? `NOT NOTICED in ${seeds} seeds` : `noticed at seed ${found}`
    options.print(`${mutation.padEnd(24)} ${what}`)
  }
  for (const mutation of OF_RUNTIME) {
    const broken = { ...options, mutations: [mutation], untilFailed: true }
    note(mutation, (await runSeeds(scenario, broken)).failed[0] ?? null)
  }
  for (const mutation of OF_MODEL) note(mutation, await firstModelSeedToNotice(mutation, options))
  return { mutations }
}
