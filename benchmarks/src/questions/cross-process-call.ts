// What does a call from a node to an entity of another process cost, against a bare batched loop over the same kind of socket?

import { compare, type BenchDefinition } from '../harness.ts'
import { Probe } from '../probe.ts'
import {
  contenderFor,
  oneRemoteCall,
  remoteCalls100,
  remoteCalls1000,
  withBaselines,
} from '../workloads.ts'

export const bench: BenchDefinition = {
  name: 'cross-process-call',
  question: 'How many calls a second between entities of two processes?',
  run: (options) =>
    withBaselines(async ({ remote }) => {
      const probe = await Probe.start(new URL('../epic/pair-probe.js', import.meta.url))
      try {
        const rows = []
        for (const work of [oneRemoteCall, remoteCalls100, remoteCalls1000]) {
          options.note(work.name)
          rows.push(
            await compare(
              {
                case: work.name,
                unit: work.unit,
                subject: contenderFor(work, 'Epic Server', probe, options),
                baseline: contenderFor(work, remote.name, remote.probe, options),
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
}
