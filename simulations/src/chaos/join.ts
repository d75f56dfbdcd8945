/**
 * `join`: a machine comes to two that are under load, and takes over its part of their entities.
 *
 * No call may fail for it. `recoveredMs` is how long calls took from its start until it had its part, beside `beforeMs` without it.
 */
import { attemptTo, pause } from './load.ts'
import { ClusterTrial } from './cluster-trial.ts'
import { pidsOf } from './machine-trial.ts'
import { conclude, type Outcome } from './outcome.ts'
import { summary } from './recovery.ts'
import type { ClusterScenarioOptions } from './scenarios.ts'

const BEFORE_MS = 5000
/** Of the entities; a third would be even. */
const SHARE_MIN = 0.2
const GIVEN_UP_AFTER_MS = 60_000

export async function join(options: ClusterScenarioOptions): Promise<Outcome> {
  let sink: number[] | undefined
  const trial = await ClusterTrial.begin({
    ...options,
    absent: 1,
    onAnswer: ({ tookMs }) => sink?.push(tookMs),
  })
  const beforeMs: number[] = []
  const duringMs: number[] = []
  sink = beforeMs
  await pause(BEFORE_MS)
  sink = duringMs
  const newcomer = trial.machines.at(-1)
  if (newcomer === undefined) throw new Error('A cluster has machines')
  const since = performance.now()
  await trial.start(newcomer)
  await trial.allServe()
  const servesAfterMs = performance.now() - since
  const share = await shareOf(trial, newcomer, since + GIVEN_UP_AFTER_MS)
  const settledAfterMs = performance.now() - since
  sink = undefined
  const { failures } = trial.load
  const report = {
    servesAfterMs: Math.round(servesAfterMs),
    settledAfterMs: Math.round(settledAfterMs),
    share,
    beforeMs: summary(beforeMs),
    recoveredMs: summary(duringMs),
  }
  return await conclude(trial, report, [
    ...(Object.keys(failures).length > 0 ? [`calls failed: ${JSON.stringify(failures)}`] : []),
    ...(share < SHARE_MIN ? [`the newcomer has a share of ${share} of the entities`] : []),
  ])
}

/** The newcomer's share of the entities, once it has its part or time is over. */
async function shareOf(
  trial: ClusterTrial,
  { app }: ClusterTrial['machines'][number],
  until: number,
): Promise<number> {
  for (;;) {
    const pids = app === undefined ? [] : (await pidsOf(app)).serving
    let there = 0
    for (const counter of trial.pages) {
      const attempt = await attemptTo(trial, 'read', { counter })
      if (attempt.kind === 'told' && pids.includes(attempt.told.pid)) there += 1
    }
    const share = there / trial.pages.length
    if (share >= SHARE_MIN || performance.now() > until) return Math.round(share * 100) / 100
  }
}
