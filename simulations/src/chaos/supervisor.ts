/** `supervisor`: the supervisor is killed with SIGKILL; its nodes must end, and an app that is started in its place has lost nothing. */
import { attemptTo, pause } from './load.ts'
import { conclude, type Outcome } from './outcome.ts'
import { gone } from './process-life.ts'
import { percentile, summary } from './recovery.ts'
import { MachineTrial } from './machine-trial.ts'
import type { Trial, TrialOptions } from './trial.ts'

export interface SupervisorOptions extends TrialOptions {
  readonly kills: number
  readonly note: (text: string) => void
}

const RUN_MS = { least: 200, most: 1500 }
/** Whoever is still there after this would run code that nobody supervises. */
const ORPHANED_MS_MAX = 1000

export async function supervisor(options: SupervisorOptions): Promise<Outcome> {
  const trial = await MachineTrial.begin(options)
  const { random } = trial
  const orphanedMs: number[] = []
  const recoveredMs: number[] = []
  for (let count = 0; count < options.kills; count += 1) {
    await pause(random.between(RUN_MS.least, RUN_MS.most))
    const { serving, starting } = await trial.pids()
    const killedAt = performance.now()
    const restarted = trial.killAndRestart()
    await Promise.all(
      [...serving, ...starting].map(async (pid) => {
        await gone(pid, 2 * ORPHANED_MS_MAX)
        orphanedMs.push(performance.now() - killedAt)
      }),
    )
    await restarted
    recoveredMs.push(await firstAnswer(trial, killedAt))
    options.note(`${count + 1} kills, ${trial.load.calls} increments`)
  }
  return await conclude(
    trial,
    { kills: options.kills, orphanedMs: summary(orphanedMs), recoveredMs: summary(recoveredMs) },
    (percentile(orphanedMs, 1) ?? 0) > ORPHANED_MS_MAX
      ? ['a node went on without its supervisor']
      : [],
  )
}

async function firstAnswer(trial: Trial, since: number): Promise<number> {
  const counter = trial.random.pick(trial.pages)
  while ((await attemptTo(trial, 'read', { counter })).kind !== 'told') await pause(5)
  return performance.now() - since
}
