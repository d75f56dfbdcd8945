/**
 * `rolling-restart`: each machine is stopped in good order and started again, one after the other, as an upgrade does it.
 *
 * The load goes through the others meanwhile, to entities everywhere. No call may fail, and none may take long: `recoveredMs` is how
 * long calls took from the moment a machine was told to stop until it served again.
 */
import { ClusterTrial } from './cluster-trial.ts'
import { pause } from './load.ts'
import { conclude, type Outcome } from './outcome.ts'
import { percentile, summary } from './recovery.ts'
import type { ClusterScenarioOptions } from './scenarios.ts'

const CALM_MS = 2000
/** DESIGN's bar. */
const P999_MS_MAX = 250

export async function rollingRestart(options: ClusterScenarioOptions): Promise<Outcome> {
  let isRestarting = false
  const meanwhileMs: number[] = []
  const trial = await ClusterTrial.begin({
    ...options,
    onAnswer: ({ tookMs }) => {
      if (isRestarting) meanwhileMs.push(tookMs)
    },
  })
  for (let count = 0; count < options.times; count += 1) {
    await pause(CALM_MS)
    const machine = trial.machines[count % trial.machines.length]
    if (machine?.app === undefined) continue
    await trial.closeOff(machine)
    isRestarting = true
    await machine.app.stop()
    await trial.start(machine)
    await trial.allServe()
    isRestarting = false
    options.note(`${count + 1} restarts, ${trial.load.calls} increments`)
  }
  const { failures } = trial.load
  const p999 = percentile(meanwhileMs, 0.999)
  const report = { restarts: options.times, recoveredMs: { ...summary(meanwhileMs), p999 } }
  return await conclude(trial, report, [
    ...(Object.keys(failures).length > 0 ? [`calls failed: ${JSON.stringify(failures)}`] : []),
    ...((p999 ?? Infinity) > P999_MS_MAX
      ? [`one call in a thousand took ${Math.round(p999 ?? Infinity)} ms or more`]
      : []),
  ])
}
