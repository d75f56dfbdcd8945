// Ours: increments of saved counters, answered when they are durable in LMDB, in the folder given; activations; and writes of its store alone.

import assert from 'node:assert/strict'
import { LmdbStateStore } from '@epicserver/store-lmdb'
import { runClosedLoop } from '../closed-loop.ts'
import { serveProbe } from '../serve-probe.ts'
import { startNodeAlone } from './node-alone.ts'

const sleepers = 50_000
const [, , folder] = process.argv
assert(folder !== undefined, 'The folder of the store is missing')

const store = await LmdbStateStore.open(folder)
const { node, pool } = startNodeAlone(store)
/** Held, as the callers of the other benches hold theirs, and as the baseline holds its keys. */
const counters = Array.from({ length: 1_000 }, (_, i) => pool.SavedCounter[i]!)
const versions = new Map<number, bigint>()
let wakes = 0
let isFilled = false

/** A write of the store by itself, with no entity around it. */
async function write(target: number): Promise<void> {
  const version = versions.get(target) ?? 0n
  const bytes = new Uint8Array(12)
  const entity = { type: 'Alone', id: String(target) }
  versions.set(target, await store.write(entity, { epoch: 1n, version }, { bytes }))
}

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
  if (load.operation === 'write') return runClosedLoop(write, load)
  if (load.operation !== 'activate') {
    return runClosedLoop((target) => counters[target]!.increment(1), load)
  }
  await fill()
  wakes = 0
  return runClosedLoop(() => pool.SavedCounter[`s${wakes++ % sleepers}`]!.read(), load)
})
