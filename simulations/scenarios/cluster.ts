/**
 * The cluster: three to seven machines that join, leave and are emptied, entities that move while they are called, and everything
 * going wrong with the network, the engine, the store, clocks and processes that the seed has drawn.
 *
 * Each counter's history, as its clients were told it, must be that of one counter in one place; messages between entities keep
 * their order; planned rounds are walked once.
 */
import type { App } from 'epicserver'
import {
  CLUSTER_FAULT_KINDS,
  converges,
  drawFaults,
  everyCallAnswered,
  FAULT_KINDS,
  leaseKept,
  noLeak,
  nothingAcknowledgedLost,
  orderPerPair,
  SeededRandom,
  simulate,
  singleActivation,
  type SimulateOptions,
} from '@epicserver/testkit'
import { clusterApp, type ClusterClasses } from './cluster/app.ts'
import { Notes, runClient } from './cluster/clients.ts'
import { checkCluster } from './cluster/final-checks.ts'
import { runMover, runOperator } from './cluster/operators.ts'
import { replayCommand, type Scenario } from './scenario.ts'

const CLIENTS = 3
const STORM_MS = 30_000

export type Balance = NonNullable<SimulateOptions<ClusterClasses>['balance']>

/** What one of several scenarios of this kind has of its own. */
export interface ClusterScenario {
  readonly name: string
  readonly summary: string
  readonly app: App<ClusterClasses>
  readonly balance?: (seed: number) => Balance
}

export const cluster: Scenario = clusterScenario({
  name: 'cluster',
  summary: 'machines that come and go, entities that move, and everything going wrong',
  app: clusterApp,
})

export function clusterScenario({ name, summary, app, balance }: ClusterScenario): Scenario {
  const run: Scenario['run'] = ({ seed, ...options }) =>
    simulate(
      {
        app,
        ...(balance && { balance: balance(seed) }),
        nodes: 3 + (seed % 5),
        seed,
        faults: drawFaults(new SeededRandom(seed), [...FAULT_KINDS, ...CLUSTER_FAULT_KINDS]),
        replay: replayCommand(name, seed),
        ...options,
      },
      async (world) => {
        const notes = new Notes()
        const until = world.now + STORM_MS
        await Promise.all([
          ...Array.from({ length: CLIENTS }, () => runClient(world, notes, until)),
          runOperator(world, until),
          runMover(world, until),
        ])
        await world.check(everyCallAnswered, converges)
        await checkCluster(world, notes)
        await world.check(
          singleActivation,
          leaseKept,
          nothingAcknowledgedLost,
          orderPerPair,
          noLeak,
        )
      },
    )
  return { name, summary, run }
}
