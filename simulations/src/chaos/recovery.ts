/** How long entities were away: from the death of their process to their first answer from another one. */
import type { RunningApp } from '@epicserver/cli'
import type { SeededRandom } from '@epicserver/testkit'
import type { CounterPage } from './ledger.ts'
import { attemptTo, pause, type AppSource } from './load.ts'

export interface RecoveryOptions {
  readonly source: AppSource
  readonly pages: readonly CounterPage[]
  readonly random: SeededRandom
}

/** Entities asked after each death: enough to have some of every shard that the process had. */
const PROBES = 8
const PROBE_PAUSE_MS = 2
const GIVEN_UP_AFTER_MS = 30_000

/** Asks entities that lived in a process, from its death at `diedAt` on, until they answer; resolves with the times. */
export async function measureRecovery(
  pid: number,
  diedAt: number,
  { source, pages, random }: RecoveryOptions,
): Promise<number[]> {
  const homeless = pages.filter((page) => page.pid === pid)
  const probed = new Set(
    Array.from({ length: Math.min(PROBES, homeless.length) }, () => random.pick(homeless)),
  )
  return await Promise.all([...probed].map((counter) => firstAnswer(counter, pid, diedAt, source)))
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

/** The nodes that take calls now. */
export async function servingPids(app: RunningApp): Promise<number[]> {
  const nodes = await app.nodes()
  return nodes.flatMap(({ state, pid }) => (state === 'serving' && pid !== null ? [pid] : []))
}

/** The value below which the given share of the values lies. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? null
}
