// What does an idle activated entity take of the heap, beside its own field?

import { compare, type BenchDefinition } from '../harness.ts'
import { Probe } from '../probe.ts'

export const bench: BenchDefinition = {
  name: 'memory-per-entity',
  question: 'How many bytes does an idle activated entity take?',
  run: async (options) => {
    const probe = await Probe.start(new URL('../epic/memory-probe.js', import.meta.url))
    const bytesOf =
      (operation: string): (() => Promise<number>) =>
      async () =>
        (await probe.measure({ operation, inFlight: 1, targets: 1, durationMs: 0 })).elapsedMs
    try {
      return [
        await compare(
          {
            case: 'heap of an idle entity with one number',
            unit: 'bytes',
            subject: { name: 'Epic Server', measure: bytesOf('entity') },
            baseline: { name: 'a plain object with one number', measure: bytesOf('plain') },
          },
          options,
        ),
      ]
    } finally {
      await probe.stop()
    }
  },
}
