// What does a call between two entities of one process cost, against a plain awaited method?

import { compare, type BenchDefinition } from '../harness.ts'
import { Probe } from '../probe.ts'
import { contenderFor, localCall, withBaselines } from '../workloads.ts'

const readSaved = {
  ...localCall,
  name: 'read of a saved entity inside a process, 100 callers',
  load: { ...localCall.load, operation: 'read-saved' },
}

export const bench: BenchDefinition = {
  name: 'local-call',
  question: 'How many calls a second between entities of one process?',
  run: (options) =>
    withBaselines(async ({ local }) => {
      const probe = await Probe.start(new URL('../epic/local-probe.js', import.meta.url))
      try {
        const rows = []
        for (const work of [localCall, readSaved]) {
          options.note(work.name)
          rows.push(
            await compare(
              {
                case: work.name,
                unit: work.unit,
                subject: contenderFor(work, 'Epic Server', probe, options),
                baseline: contenderFor(localCall, local.name, local.probe, options),
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
