/** What the entities of the cluster scenario must say when all is quiet again. */
import type { Pool } from 'epicserver'
import { CLOCK_ERROR_MS } from '@epicserver/testkit'
import type { ClusterClasses } from './app.ts'
import {
  COUNTERS,
  COURIERS,
  GUARDS,
  note,
  PLAN_MS_MAX,
  type ClusterWorld,
  type Notes,
} from './clients.ts'
import { whyNotLinearizable, type CounterOperation } from './counter-history.ts'

export async function checkCluster(world: ClusterWorld, notes: Notes): Promise<void> {
  await checkCounters(world, notes)
  await checkRecipients(world)
  await checkGuards(world, notes)
}

/** Nothing is wrong any more, so a call that is not done is a failure of its own. */
async function ask<T>(
  world: ClusterWorld,
  use: (pool: Pool<ClusterClasses>) => Promise<T>,
): Promise<T> {
  const outcome = await world.call(use)
  if (outcome.kind !== 'done') throw outcome.error
  return outcome.value
}

async function checkCounters(world: ClusterWorld, notes: Notes): Promise<void> {
  for (let counter = 0; counter < COUNTERS; counter += 1) {
    const history = notes.histories[counter] as CounterOperation[]
    const begunMs = world.now
    const value = await ask(world, (pool) => pool.Counter[counter]!.read())
    const outcome = { kind: 'done', value } as const
    note(history, { kind: 'read', begunMs, endedMs: world.now, outcome })
    const why = whyNotLinearizable(history)
    if (why !== undefined) throw new Error(`Counter ${counter} is not linearizable: ${why}`)
  }
}

async function checkRecipients(world: ClusterWorld): Promise<void> {
  for (let recipient = 0; recipient < COURIERS; recipient += 1) {
    const broken = await ask(world, (pool) => pool.Recipient[recipient]!.read())
    if (broken.length > 0) throw new Error(`Recipient ${recipient}: ${broken[0]}`)
  }
}

async function checkGuards(world: ClusterWorld, { rounds }: Notes): Promise<void> {
  // One node's clock said when, and that of another may be as far behind as the first was ahead.
  await world.run({ ms: PLAN_MS_MAX + 2 * CLOCK_ERROR_MS + 1_000 })
  for (let guard = 0; guard < GUARDS; guard += 1) {
    const walked = await ask(world, (pool) => pool.Guard[guard]!.read())
    for (const { round, guard: of } of rounds) {
      const times = walked.get(round) ?? 0
      if (of === guard && times !== 1)
        throw new Error(`Guard ${guard} walked "${round}" ${times} times`)
    }
  }
}
