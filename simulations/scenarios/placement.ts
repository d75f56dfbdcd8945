/**
 * The cluster scenario with entities that live nowhere by their names: they begin where loads say, or where they are called from, and
 * nodes move them all the time to where there is less to do and to those with whom they talk.
 *
 * How eagerly is beyond all reason: a difference of nothing is reason enough to move. What is looked for is what moving breaks.
 */
import { defineApp, settings } from 'epicserver'
import { clusterScenario, type Balance } from './cluster.ts'
import { Counter, Guard, Memory } from './cluster/counter.ts'
import { Courier, Recipient } from './ground/courier.ts'
import type { Scenario } from './scenario.ts'

class LoadCounter extends Counter {
  static override settings = settings<LoadCounter>({
    placement: 'load',
    operations: { addOnce: { idempotent: true } },
  })
}

class LocalMemory extends Memory {
  static override settings = settings<LocalMemory>({ placement: 'local', persistent: false })
}

class LoadGuard extends Guard {
  static override settings = settings<LoadGuard>({
    placement: 'load',
    operations: { walk: { atomic: true } },
  })
}

class LocalRecipient extends Recipient {
  static override settings = settings<LocalRecipient>({
    placement: 'local',
    operations: { note: { oneWay: true } },
  })
}

class LoadCourier extends Courier {
  static override settings = settings<LoadCourier>({ placement: 'load' })
}

const EVERY_MS = 800
/** More than any node is above another. */
const NEVER = 1_000_000

/** A node that relieves itself moves nothing for company in that round: so the seeds take turns. */
function balance(seed: number): Balance {
  const isForLoad = seed % 2 === 0
  const restMs = EVERY_MS
  return {
    everyMs: EVERY_MS,
    rebalance: { scoreMin: 0, tolerance: isForLoad ? 0.01 : NEVER, restMs },
    locality: {
      scoreMin: 0,
      gainMin: isForLoad ? NEVER : 0.1,
      ratioMin: 1.1,
      slack: NEVER,
      restMs,
    },
  }
}

export const placement: Scenario = clusterScenario({
  name: 'placement',
  summary: 'the cluster, with entities that nodes place and move by load and by talk',
  app: defineApp({
    entities: {
      Counter: LoadCounter,
      Courier: LoadCourier,
      Guard: LoadGuard,
      Memory: LocalMemory,
      Recipient: LocalRecipient,
    },
  }),
  balance,
})
