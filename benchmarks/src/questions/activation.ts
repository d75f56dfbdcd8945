// How fast do saved entities wake, against LMDB alone doing as many durable commits? (A claim is one.)

import { compare, type BenchDefinition } from '../harness.ts'
import { Probe } from '../probe.ts'
import { contenderFor, durableIncrementOf1000, withBaselines, withFolder } from '../workloads.ts'

const activation = {
  ...durableIncrementOf1000,
  name: 'activation of a saved entity, 1,000 at once',
  load: { ...durableIncrementOf1000.load, operation: 'activate' },
}

export const bench: BenchDefinition = {
  name: 'activation',
  question: 'How many saved entities wake a second?',
  run: (options) =>
    withFolder((folder) =>
      withBaselines(async ({ durable }) => {
        const probe = await Probe.start(new URL('../epic/durable-probe.js', import.meta.url), [
          folder,
        ])
        try {
          return [
            await compare(
              {
                case: activation.name,
                unit: activation.unit,
                subject: contenderFor(activation, 'Epic Server', probe, options),
                baseline: contenderFor(
                  durableIncrementOf1000,
                  durable.name,
                  durable.probe,
                  options,
                ),
              },
              options,
            ),
          ]
        } finally {
          await probe.stop()
        }
      }),
    ),
}
