/**
 * `drain`: a node of one machine after the other gives all that it has to the others, and takes its part again.
 *
 * No call may fail for it, and when it says that it is drained nothing may answer from it. `recoveredMs` is how long calls took
 * meanwhile.
 */
import { ClusterTrial, type ClusterMachine } from './cluster-trial.ts'
import { attemptTo, pause } from './load.ts'
import { conclude, type Outcome } from './outcome.ts'
import { summary } from './recovery.ts'
import type { ClusterScenarioOptions } from './scenarios.ts'

const CALM_MS = 2000

export async function drain(options: ClusterScenarioOptions): Promise<Outcome> {
  let isDraining = false
  const meanwhileMs: number[] = []
  const trial = await ClusterTrial.begin({
    ...options,
    onAnswer: ({ tookMs }) => {
      if (isDraining) meanwhileMs.push(tookMs)
    },
  })
  const drainedMs: number[] = []
  let left = 0
  for (let count = 0; count < options.times; count += 1) {
    await pause(CALM_MS)
    const machine = trial.machines[count % trial.machines.length] as ClusterMachine
    isDraining = true
    const done = await drainOne(trial, machine)
    isDraining = false
    drainedMs.push(done.tookMs)
    left += done.left
    options.note(`${count + 1} drains, the last in ${Math.round(done.tookMs)} ms`)
  }
  const { failures } = trial.load
  const report = {
    drains: options.times,
    drainedMs: summary(drainedMs),
    left,
    recoveredMs: summary(meanwhileMs),
  }
  return await conclude(trial, report, [
    ...(Object.keys(failures).length > 0 ? [`calls failed: ${JSON.stringify(failures)}`] : []),
    ...(left > 0 ? [`${left} entities answered from a node that was drained`] : []),
  ])
}

/** Drains a machine's first node, looks where all entities are, and lets it take its part again. */
async function drainOne(
  trial: ClusterTrial,
  { app }: ClusterMachine,
): Promise<{ readonly tookMs: number; readonly left: number }> {
  const [node] = (await app?.nodes()) ?? []
  if (app === undefined || typeof node?.node !== 'string')
    throw new Error('A machine is drained while it runs')
  const since = performance.now()
  const answer = await app.ask({ ask: 'drain', node: node.node, then: 'stay' })
  if (!answer.ok) throw new Error(answer.error.message)
  const tookMs = performance.now() - since
  let left = 0
  for (const counter of trial.pages) {
    const attempt = await attemptTo(trial, 'read', { counter })
    if (attempt.kind === 'told' && attempt.told.pid === node.pid) left += 1
  }
  await app.ask({ ask: 'drain', node: node.node, then: 'cancel' })
  return { tookMs, left }
}
