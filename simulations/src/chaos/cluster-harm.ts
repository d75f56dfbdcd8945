/**
 * Scenarios that harm one machine of a cluster after the other, and watch how its entities come back and whether the others' notice.
 *
 * | scenario       | what is done to a machine                                              | what becomes of it                       |
 * |----------------|------------------------------------------------------------------------|-------------------------------------------|
 * | `machine-loss` | its cable is cut and everything on it killed, its etcd too              | it is started again, over what it left   |
 * | `partition`    | its cable is cut, or it alone hears nothing, or nobody hears it; mended | its nodes fence themselves and start anew |
 * | `host-pause`   | all its nodes and their supervisor are frozen, past their lease; thawed | the same                                  |
 *
 * Nobody is told that it is gone: its leases have to run out. Until then its entities answer nobody, and that time is `recoveredMs`.
 * Entities of the others must answer all the while; how long theirs took is `elsewhereMs`.
 *
 * Every other time it is the machine of the engine's leader. Where that goes with it, the next one is elected first, and gives
 * every lease its whole time again: that recovery is told apart, as `recoveredWithLeaderMs`.
 */
import { tickFrom } from './counters-app.ts'
import { ClusterTrial, type ClusterMachine } from './cluster-trial.ts'
import { leaderOf } from './engine-leader.ts'
import { HealthyWatch } from './healthy-watch.ts'
import { conclude, type Outcome } from './outcome.ts'
import { measureRecovery, percentile, summary } from './recovery.ts'
import type { ClusterScenarioOptions } from './scenarios.ts'

/** How one machine is harmed, and what is done for it afterwards. */
export interface Harm {
  readonly name: string
  begin(trial: ClusterTrial, machine: ClusterMachine): Promise<void>
  /** The machine serves again when this resolves. */
  end(trial: ClusterTrial, machine: ClusterMachine): Promise<void>
}

/** DESIGN's bar, 9 s with a lease of 6 s, in leases: also where leases begin anew after an election. */
const RECOVERED_LEASES_MAX = 1.5
/** Whoever asked for an entity of another machine never waited this long. */
const STALLED_MS = 2000
const TICKERS = 12

/** Harms one machine after the other, in the ways given. */
export async function harmMachines(
  options: ClusterScenarioOptions,
  harms: readonly Harm[],
): Promise<Outcome> {
  const watch = new HarmWatch()
  const healthy = new HealthyWatch()
  const trial = await ClusterTrial.begin({
    ...options,
    onAnswer: (answer) => watch.handleAnswer(answer),
    onOutcome: (outcome) => healthy.handleOutcome(outcome),
    isAvoided: ({ pid }) => watch.isHarmed(pid),
    onLine: (line) => watch.handleLine(line),
  })
  const recovered = { usual: [] as number[], withLeader: [] as number[] }
  for (let count = 0; count < options.times; count += 1) {
    const harm = harms[count % harms.length] as Harm
    const leader = await leaderOf(trial)
    const isLeaders = count % 2 === 1
    const machine = trial.random.pick(
      trial.machines.filter(({ index }) => (index === leader) === isLeaders),
    )
    const kind = isLeaders ? 'withLeader' : 'usual'
    recovered[kind].push(...(await harmOne({ trial, watch, healthy }, machine, harm)))
    options.note(`${count + 1} times, the last: ${harm.name} of machine ${machine.index + 1}`)
  }
  const report = {
    times: options.times,
    machines: options.machines,
    leaseMs: options.leaseMs,
    recoveredMs: summary(recovered.usual),
    recoveredWithLeaderMs: summary(recovered.withLeader),
    healthy: healthy.report,
    elsewhereMs: summary(watch.elsewhereMs),
    stalledElsewhere: watch.elsewhereMs.filter((tookMs) => tookMs > STALLED_MS).length,
    turnsAfterLease: watch.turnsAfterLease,
  }
  return await conclude(trial, report, [
    ...(['usual', 'withLeader'] as const).flatMap((kind) => {
      const slowestMs = percentile(recovered[kind], 0.99) ?? 0
      if (slowestMs <= RECOVERED_LEASES_MAX * options.leaseMs) return []
      return [`one in a hundred recoveries (${kind}) took ${Math.round(slowestMs)} ms`]
    }),
    ...(report.stalledElsewhere > 0
      ? [`${report.stalledElsewhere} calls between healthy machines took over ${STALLED_MS} ms`]
      : []),
    ...(Object.keys(report.healthy.failed).length > 0
      ? [`calls to entities of healthy machines failed: ${JSON.stringify(report.healthy.failed)}`]
      : []),
    ...(watch.turnsAfterLease > 0
      ? [`${watch.turnsAfterLease} turns ran where a lease was over`]
      : []),
  ])
}

interface Watched {
  readonly trial: ClusterTrial
  readonly watch: HarmWatch
  readonly healthy: HealthyWatch
}

async function harmOne(
  { trial, watch, healthy }: Watched,
  machine: ClusterMachine,
  harm: Harm,
): Promise<number[]> {
  await trial.allServe()
  for (let id = 0; id < TICKERS; id += 1)
    await trial.ask({ ask: 'call', type: 'Ticker', id: String(id), operation: 'start', args: [] })
  await trial.settles()
  await trial.callThroughAll()
  const all = (await trial.pids()).serving
  await trial.closeOff(machine)
  const others = new Set((await trial.pids()).serving)
  const harmed = all.filter((pid) => !others.has(pid))
  const diedAt = performance.now()
  watch.begin(harmed, trial.options.leaseMs)
  healthy.begin(trial.pages, others)
  await harm.begin(trial, machine)
  const recovered = await Promise.all(harmed.map((pid) => measureRecovery({ pid, diedAt, trial })))
  watch.handleRecovered()
  healthy.end()
  await harm.end(trial, machine)
  watch.end()
  return recovered.flat()
}

/** What answers and turns say of a harm that is under way. */
class HarmWatch {
  readonly elsewhereMs: number[] = []
  turnsAfterLease = 0
  #harmed = new Set<number>()
  #since = Infinity
  /** Of the wall clock. */
  #overAtMs = Infinity

  begin(pids: readonly number[], leaseMs: number): void {
    this.#harmed = new Set(pids)
    this.#since = performance.now()
    this.#overAtMs = Date.now() + leaseMs
  }

  /** From here on what is asked is not compared with what was harmed any more. */
  handleRecovered(): void {
    this.#since = Infinity
  }

  end(): void {
    this.#harmed = new Set()
    this.#overAtMs = Infinity
  }

  isHarmed(pid: number | undefined): boolean {
    return pid !== undefined && this.#harmed.has(pid)
  }

  handleAnswer(answer: {
    readonly startedAt: number
    readonly tookMs: number
    readonly homeBefore: number | undefined
  }): void {
    const { startedAt, tookMs, homeBefore } = answer
    if (startedAt < this.#since || homeBefore === undefined || this.#harmed.has(homeBefore)) return
    this.elsewhereMs.push(tookMs)
  }

  handleLine(line: string): void {
    const tick = tickFrom(line)
    if (tick === undefined || !this.#harmed.has(tick.pid)) return
    if (tick.atMs > this.#overAtMs) this.turnsAfterLease += 1
  }
}
