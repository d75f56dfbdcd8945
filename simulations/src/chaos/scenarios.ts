/** The scenarios by name: what each needs, and how often it does its harm unless told otherwise. */
import { findClusterGround, type ClusterGround, type ClusterTrialOptions } from './cluster-trial.ts'
import { harmMachines } from './cluster-harm.ts'
import { disk, whyNoDisk } from './disk.ts'
import { drain } from './drain.ts'
import { engineOutage } from './engine-outage.ts'
import { freeze } from './freeze.ts'
import { fuzz, fuzzCluster } from './fuzz.ts'
import { deafness, hostPause, isolation, machineLoss, muteness } from './harms.ts'
import { join } from './join.ts'
import { kill } from './kill.ts'
import type { Outcome } from './outcome.ts'
import { rollingRestart } from './rolling-restart.ts'
import { supervisor } from './supervisor.ts'

/** What the command line says. */
export interface ScenarioOptions {
  readonly seed: number
  readonly seconds: number
  readonly times: number | undefined
  readonly processes: number | undefined
  readonly isKept: boolean
  readonly note: (text: string) => void
}

/** Runs, or says why it cannot run here. */
type Scenario = (options: ScenarioOptions) => Promise<Outcome | string>

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  kill: (o) => kill({ ...onMachine(o), seconds: o.seconds, kills: o.times ?? 200 }),
  pause: (o) => freeze({ ...onMachine(o), freezes: o.times ?? 20 }),
  supervisor: (o) => supervisor({ ...onMachine(o), kills: o.times ?? 10 }),
  disk: async (o) => whyNoDisk() ?? (await disk({ ...onMachine(o), fills: o.times ?? 3 })),
  fuzz: (o) => fuzz({ ...onMachine(o), frames: o.times ?? 1_000_000 }),
  'fuzz-tcp': onCluster(fuzzCluster, 1_000_000),
  'machine-loss': onCluster((o) => harmMachines(o, [machineLoss]), 4),
  partition: onCluster((o) => harmMachines(o, [isolation, deafness, muteness]), 6),
  'host-pause': onCluster((o) => harmMachines(o, [hostPause]), 3),
  'engine-leader-kill': onCluster(engineOutage, 4),
  'rolling-restart': onCluster(rollingRestart, 3),
  drain: onCluster(drain, 3),
  join: onCluster(join, 1),
}

function onMachine({ seed, processes = 3, isKept, note }: ScenarioOptions) {
  const shape = { processes, leaseMs: 2000, counters: 1000, inFlight: 16 }
  return { ...shape, seed, isKept, note }
}

/** Three machines with a node each: more of them would measure this machine's two cores, and nothing else. */
function clusterOptions({ seed, processes = 1, isKept, note }: ScenarioOptions, times: number) {
  const shape = { machines: 3, processes, leaseMs: 6000, counters: 300, inFlight: 8 }
  return { ...shape, seed, isKept, note, times }
}

/** What scenarios of a cluster are told. */
export interface ClusterScenarioOptions extends ClusterTrialOptions {
  readonly times: number
  readonly note: (text: string) => void
}

function onCluster(
  run: (options: ClusterScenarioOptions) => Promise<Outcome>,
  usualTimes: number,
): Scenario {
  return async (options) => {
    const ground: ClusterGround | string = await findClusterGround()
    if (typeof ground === 'string') return ground
    return await run({ ...clusterOptions(options, options.times ?? usualTimes), ground })
  }
}
