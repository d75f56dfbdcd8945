/**
 * `kill`: random nodes are killed with SIGKILL every few hundred milliseconds.
 *
 * Never the last one that serves: an app of which no process is left is started anew, which takes as long as a start does, and
 * that is the scenario `supervisor`. Nodes that are still starting are killed as well.
 */
import { HealthyWatch } from './healthy-watch.ts'
import { pause } from './load.ts'
import { conclude, type Outcome } from './outcome.ts'
import { measureRecovery, percentile, summary } from './recovery.ts'
import { Takeovers } from './takeover.ts'
import { MachineTrial } from './machine-trial.ts'
import type { Trial, TrialOptions } from './trial.ts'

export interface KillOptions extends TrialOptions {
  readonly kills: number
  readonly seconds: number
  readonly note: (text: string) => void
}

const PAUSE_MS = { least: 300, most: 500 }
/** How often it is a node that does not serve yet. */
const STARTING_SHARE = 0.1
const P50_MS_MAX = 100
const P99_MS_MAX = 1000
/** From here on a recovery is worth a line that says where its time went. */
const SLOW_MS = 200

export async function kill(options: KillOptions): Promise<Outcome> {
  const takeovers = new Takeovers()
  const healthy = new HealthyWatch()
  const trial = await MachineTrial.begin({
    ...options,
    onOutcome: (outcome) => healthy.handleOutcome(outcome),
    onLine: (line) => takeovers.handleLine(line),
  })
  const { random } = trial
  const endsAt = performance.now() + options.seconds * 1000
  const recoveries: Promise<number[]>[] = []
  let killedStarting = 0
  while (recoveries.length + killedStarting < options.kills && performance.now() < endsAt) {
    await pause(random.between(PAUSE_MS.least, PAUSE_MS.most))
    const { serving, starting } = await trial.pids()
    if (starting.length > 0 && random.chance(STARTING_SHARE)) {
      process.kill(random.pick(starting), 'SIGKILL')
      killedStarting += 1
    } else if (serving.length > 1) {
      const victim = random.pick(serving)
      healthy.begin(trial.pages, new Set(serving.filter((pid) => pid !== victim)))
      recoveries.push(killOne(trial, takeovers, victim, options.note))
      if (recoveries.length % 20 === 0) {
        options.note(`${recoveries.length} kills, ${trial.load.calls} increments`)
      }
    }
  }
  const recoveredMs = (await Promise.all(recoveries)).flat()
  const kills = recoveries.length + killedStarting
  const report = {
    kills,
    killedStarting,
    recoveredMs: summary(recoveredMs),
    healthy: healthy.report,
    stepsMs: takeovers.summary,
  }
  return await conclude(trial, report, [
    ...((percentile(recoveredMs, 0.5) ?? Infinity) > P50_MS_MAX
      ? [`half of the recoveries took longer than ${P50_MS_MAX} ms`]
      : []),
    ...((percentile(recoveredMs, 0.99) ?? Infinity) > P99_MS_MAX
      ? [`one in a hundred recoveries took longer than ${P99_MS_MAX} ms`]
      : []),
  ])
}

async function killOne(
  trial: Trial,
  takeovers: Takeovers,
  pid: number,
  note: (text: string) => void,
): Promise<number[]> {
  const { steps } = takeovers.begin(pid)
  const diedAt = performance.now()
  process.kill(pid, 'SIGKILL')
  const answeredMs = await measureRecovery({ pid, diedAt, trial })
  const slowestMs = Math.round(Math.max(...answeredMs))
  if (slowestMs > SLOW_MS) {
    const told = [...steps].map(([step, ms]) => `${step} ${ms}`).join(', ')
    note(`a slow recovery: ${slowestMs} ms (${told}), with ${pid}`)
  }
  return answeredMs
}
