/** How long entities were away: from the death of their process to their first answer from another one. */
import type { CounterPage } from './ledger.ts'
import { attemptTo, pause, type AppSource } from './load.ts'
import type { Trial } from './trial.ts'

/** A process that has died, or might as well have. */
export interface Death {
  readonly pid: number
  readonly diedAt: number
  readonly trial: Trial
}

/** Entities asked after each death: enough to have some of every shard that the process had. */
const PROBES = 8
const PROBE_PAUSE_MS = 2
const GIVEN_UP_AFTER_MS = 30_000

/** Asks entities that lived in a process, from its death on, until they answer; resolves with the times. */
export async function measureRecovery({ pid, diedAt, trial }: Death): Promise<number[]> {
  const homeless = trial.pages.filter((page) => page.pid === pid)
  const probed = new Set(
    Array.from({ length: Math.min(PROBES, homeless.length) }, () => trial.random.pick(homeless)),
  )
  return await Promise.all([...probed].map((counter) => firstAnswer(counter, pid, diedAt, trial)))
}

async function firstAnswer(
  counter: CounterPage,
  deadPid: number,
  diedAt: number,
  source: AppSource,
): Promise<number> {
  for (;;) {
    const attempt = await attemptTo(source, 'read', { counter })
    const elapsed = performance.now() - diedAt
    if (attempt.kind === 'told' && attempt.told.pid !== deadPid) return elapsed
    if (elapsed > GIVEN_UP_AFTER_MS) return Infinity
    await pause(PROBE_PAUSE_MS)
  }
}

/** The value below which the given share of the values lies. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? null
}

/** What is reported of a list of times. */
export function summary(values: readonly number[]): Readonly<Record<string, number | null>> {
  const rounded = (share: number): number | null => {
    const value = percentile(values, share)
    return value === null ? null : Math.round(value * 10) / 10
  }
  return { p50: rounded(0.5), p99: rounded(0.99), max: rounded(1), count: values.length }
}
