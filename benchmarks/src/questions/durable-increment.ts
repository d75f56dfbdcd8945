/**
 * How fast are acknowledged durable increments, against LMDB alone doing as many commits?
 *
 * Two more rows tell where the difference comes from: what LMDB does when each put is guarded by the
 * version that it replaces, as every write of ours is; and what our store does by itself, with no
 * entity around it.
 */

import { compare, type BenchDefinition, type Row } from '../harness.ts'
import { Probe } from '../probe.ts'
import {
  contenderFor,
  durableIncrementOf1000,
  durableIncrementOfOne,
  withBaselines,
  withFolder,
  type Workload,
} from '../workloads.ts'

const manyCallersOfOne = {
  ...durableIncrementOfOne,
  name: 'durable increment, one entity, 100 in flight',
  load: { ...durableIncrementOfOne.load, inFlight: 100 },
}

const guardedPuts = asking(durableIncrementOf1000, 'guarded')
const writesOfStore = {
  ...asking(durableIncrementOf1000, 'write'),
  name: 'write of the store alone, 1,000 entities, 1,000 in flight',
}

/** A row: our work, the bare work that it is held against, and what that is called. */
const comparisons: readonly (readonly [work: Workload, bare: Workload, against: string])[] = [
  [durableIncrementOfOne, durableIncrementOfOne, 'LMDB alone'],
  [manyCallersOfOne, durableIncrementOfOne, 'LMDB alone'],
  [durableIncrementOf1000, durableIncrementOf1000, 'LMDB alone'],
  [durableIncrementOf1000, guardedPuts, 'LMDB alone, each put guarded by a version'],
  [writesOfStore, durableIncrementOf1000, 'LMDB alone'],
]

export const bench: BenchDefinition = {
  name: 'durable-increment',
  question: 'How many acknowledged durable increments a second?',
  run: (options) =>
    withFolder((folder) =>
      withBaselines(async ({ durable }) => {
        const probe = await Probe.start(new URL('../epic/durable-probe.js', import.meta.url), [
          folder,
        ])
        try {
          const rows: Row[] = []
          for (const [work, bare, against] of comparisons) {
            options.note(`${work.name}, against ${against}`)
            const subject = contenderFor(work, 'Epic Server', probe, options)
            const baseline = contenderFor(bare, against, durable.probe, options)
            rows.push(
              await compare({ case: work.name, unit: work.unit, subject, baseline }, options),
            )
          }
          return rows
        } finally {
          await probe.stop()
        }
      }),
    ),
}

/** The same load, of another operation of the measuring process. */
function asking(work: Workload, operation: string): Workload {
  return { ...work, load: { ...work.load, operation } }
}
