// How fast are acknowledged durable increments, against LMDB alone doing as many commits?

import { compare, type BenchDefinition } from '../harness.ts'
import { Probe } from '../probe.ts'
import {
  contenderFor,
  durableIncrementOf1000,
  durableIncrementOfOne,
  withBaselines,
  withFolder,
} from '../workloads.ts'

const manyCallersOfOne = {
  ...durableIncrementOfOne,
  name: 'durable increment, one entity, 100 in flight',
  load: { ...durableIncrementOfOne.load, inFlight: 100 },
}

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
          const rows = []
          for (const work of [durableIncrementOfOne, manyCallersOfOne, durableIncrementOf1000]) {
            options.note(work.name)
            const bare = work === manyCallersOfOne ? durableIncrementOfOne : work
            rows.push(
              await compare(
                {
                  case: work.name,
                  unit: work.unit,
                  subject: contenderFor(work, 'Epic Server', probe, options),
                  baseline: contenderFor(bare, durable.name, durable.probe, options),
                },
                options,
              ),
            )
          }
          return rows
        } finally {
          await probe.stop()
        }
      }),
    ),
}
