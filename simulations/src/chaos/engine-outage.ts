/**
 * `engine-leader-kill`: the etcd that leads is killed and started again; every other time all three stand still for less than a lease.
 *
 * Leases are not harmed by either, so nothing that is established may stop: no call fails, and none takes longer for it. How long the
 * engine itself was away (no leader, or nobody at all) is `recoveredMs`.
 */
import { ClusterTrial } from './cluster-trial.ts'
import { leaderOf } from './engine-leader.ts'
import { pause } from './load.ts'
import { conclude, type Outcome } from './outcome.ts'
import { summary } from './recovery.ts'
import type { ClusterScenarioOptions } from './scenarios.ts'

const CALM_MS = 2000
/** Of a lease: less than what its holder may serve without a renewal, with what a renewal may be old already. */
const STANDSTILL_LEASES = 0.4
const STALLED_MS = 1000

export async function engineOutage(options: ClusterScenarioOptions): Promise<Outcome> {
  let isAway = false
  const meanwhileMs: number[] = []
  const trial = await ClusterTrial.begin({
    ...options,
    onAnswer: ({ tookMs }) => {
      if (isAway) meanwhileMs.push(tookMs)
    },
  })
  const failedBefore = trial.load.failed
  const recoveredMs: number[] = []
  for (let count = 0; count < options.times; count += 1) {
    await pause(CALM_MS)
    isAway = true
    recoveredMs.push(
      count % 2 === 0 ? await killLeader(trial) : await stopAll(trial, options.leaseMs),
    )
    isAway = false
    options.note(
      `${count + 1} times, the engine was away for ${Math.round(recoveredMs.at(-1) ?? 0)} ms`,
    )
  }
  const { failures } = trial.load
  const stalled = meanwhileMs.filter((tookMs) => tookMs > STALLED_MS).length
  const report = {
    times: options.times,
    recoveredMs: summary(recoveredMs),
    meanwhileMs: summary(meanwhileMs),
    stalled,
  }
  const refused = Object.values(failures).reduce((sum, each) => sum + each, 0)
  return await conclude(trial, report, [
    ...(refused > 0 || trial.load.failed > failedBefore
      ? [`calls failed while the engine was away: ${JSON.stringify(failures)}`]
      : []),
    ...(stalled > 0 ? [`${stalled} calls took over ${STALLED_MS} ms meanwhile`] : []),
  ])
}

async function killLeader(trial: ClusterTrial): Promise<number> {
  const leader = await leaderOf(trial)
  const since = performance.now()
  await trial.etcd.kill(leader)
  while ((await leaderOf(trial, leader)) === leader) await pause(10)
  const tookMs = performance.now() - since
  await trial.etcd.start(leader)
  return tookMs
}

async function stopAll({ etcd }: ClusterTrial, leaseMs: number): Promise<number> {
  const since = performance.now()
  for (const index of etcd.endpoints.keys()) await etcd.freeze(index)
  await pause(STANDSTILL_LEASES * leaseMs)
  for (const index of etcd.endpoints.keys()) etcd.thaw(index)
  return performance.now() - since
}
