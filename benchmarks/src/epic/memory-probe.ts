// Ours: bytes of heap that an idle activated entity takes, and those of a plain object with the same field.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { serveProbe } from '../serve-probe.ts'
import { startNodeAlone } from './node-alone.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const count = 200_000
const { node, pool } = startNodeAlone()
const plain: { count: number }[] = []
let batch = 0

/** Runs `make` and says by how many bytes the heap has grown for each of the things that it made. */
async function bytesEach(make: () => Promise<void>): Promise<number> {
  const before = await settledHeap()
  await make()
  return ((await settledHeap()) - before) / count
}

async function settledHeap(): Promise<number> {
  for (let i = 0; i < 4; i += 1) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return process.memoryUsage().heapUsed
}

async function activate(): Promise<void> {
  batch += 1
  for (let i = 0; i < count; i += 1_000) {
    await Promise.all(
      Array.from({ length: 1_000 }, (_, k) => pool.Counter[`${batch}-${i + k}`]!.increment(1)),
    )
  }
}

serveProbe(async (load) => {
  if (load.operation === 'plain') {
    plain.length = 0
    const bytes = await bytesEach(async () => {
      for (let i = 0; i < count; i += 1) plain.push({ count: i })
    })
    return { operations: 1, elapsedMs: bytes }
  }
  const bytes = await bytesEach(activate)
  node.kernel.putAllAway('requested')
  node.scheduleDrain()
  while (!node.kernel.isEmpty) await new Promise((resolve) => setImmediate(resolve))
  return { operations: 1, elapsedMs: bytes }
})
