/**
 * `kill`: random nodes are killed with SIGKILL every few hundred milliseconds.
 *
 * Never the last one that serves: an app of which no process is left is started anew, which takes as long as a start does, and
 * that is the scenario `supervisor`.
 */
import { attemptTo, pause } from './load.ts'
import { measureRecovery, percentile, servingPids } from './recovery.ts'
import { Trial, type TrialOptions } from './trial.ts'
import type { Outcome } from './outcome.ts'

export interface KillOptions extends TrialOptions {
  readonly kills: number
  readonly seconds: number
  readonly note: (text: string) => void
}

const PAUSE_MS = { least: 300, most: 500 }
const P50_MS_MAX = 100
const P99_MS_MAX = 1000

export async function kill(options: KillOptions): Promise<Outcome> {
  const trial = await Trial.begin(options)
  const { random, pages } = trial
  const app = await trial.app()
  const endsAt = performance.now() + options.seconds * 1000
  const recoveries: Promise<number[]>[] = []
  await warmUp(trial)
  while (recoveries.length < options.kills && performance.now() < endsAt) {
    await pause(random.between(PAUSE_MS.least, PAUSE_MS.most))
    const pids = await servingPids(app)
    if (pids.length < 2) continue
    const pid = random.pick(pids)
    const diedAt = performance.now()
    process.kill(pid, 'SIGKILL')
    recoveries.push(measureRecovery(pid, diedAt, { source: trial, pages, random }))
    if (recoveries.length % 20 === 0)
      options.note(`${recoveries.length} kills, ${trial.load.calls} increments`)
  }
  const recoveredMs = (await Promise.all(recoveries)).flat()
  const { calls, failures } = trial.load
  const findings = await trial.finish()
  const { unanswered } = trial.load
  const p50 = percentile(recoveredMs, 0.5)
  const p99 = percentile(recoveredMs, 0.99)
  const problems = [
    ...findings.problems,
    ...(unanswered > 0 ? [`${unanswered} increments had no outcome within 30 s`] : []),
    ...((p50 ?? Infinity) > P50_MS_MAX
      ? [`half of the recoveries took longer than ${P50_MS_MAX} ms`]
      : []),
    ...((p99 ?? Infinity) > P99_MS_MAX
      ? [`one in a hundred recoveries took longer than ${P99_MS_MAX} ms`]
      : []),
  ]
  await trial.close(problems.length > 0)
  const { lost, doubled, acknowledged, unknown } = findings
  return {
    report: {
      kills: recoveries.length,
      lost,
      doubled,
      unanswered,
      recoveredMs: { p50, p99, max: percentile(recoveredMs, 1), count: recoveredMs.length },
      calls,
      acknowledged,
      unknown,
      failures,
    },
    problems,
    folder: trial.folder,
  }
}

/** Calls the whole population, so that it is known who lives where. */
async function warmUp(trial: Trial): Promise<void> {
  for (const counter of trial.pages) {
    const attempt = await attemptTo(trial, 'read', { counter })
    if (attempt.kind === 'told') counter.pid = attempt.told.pid
  }
}
