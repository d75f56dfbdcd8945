// Ours: increments of saved counters, answered when they are durable in LMDB, in the folder given; and activations.

import assert from 'node:assert/strict'
import { LmdbStateStore } from '@epicserver/store-lmdb'
import { runClosedLoop } from '../closed-loop.ts'
import { serveProbe } from '../probe.ts'
import { startNodeAlone } from './node-alone.ts'

const sleepers = 50_000
const [, , folder] = process.argv
assert(folder !== undefined, 'The folder of the store is missing')

const { node, pool } = startNodeAlone(await LmdbStateStore.open(folder))
let wakes = 0
let isFilled = false

/** Saves the entities that `activate` wakes, and lets all of them sleep. */
async function fill(): Promise<void> {
  if (!isFilled) {
    isFilled = true
    for (let i = 0; i < sleepers; i += 1_000) {
      await Promise.all(
        Array.from({ length: 1_000 }, (_, k) => pool.SavedCounter[`s${i + k}`]!.increment(1)),
      )
    }
  }
  node.kernel.putAllAway('requested')
  node.scheduleDrain()
  while (!node.kernel.isEmpty) await new Promise((resolve) => setImmediate(resolve))
}

serveProbe(async (load) => {
  if (load.operation !== 'activate') {
    return runClosedLoop((target) => pool.SavedCounter[target]!.increment(1), load)
  }
  await fill()
  wakes = 0
  return runClosedLoop(() => pool.SavedCounter[`s${wakes++ % sleepers}`]!.read(), load)
})
