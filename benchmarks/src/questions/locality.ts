/**
 * What is it worth that entities go to where their partners are?
 *
 * Two apps on two processes have the same pairs of entities, each of a pair in another process; one of each calls the other, as often as
 * it is answered. The baseline leaves them there (`--balance-ms 0`). In the subject they have found together by themselves before it is
 * measured; how long that takes is said on the error stream.
 */

import { join } from 'node:path'
import { compare, type BenchDefinition } from '../harness.ts'
import { TalkApp } from '../epic/talk-app-client.ts'
import { withFolder } from '../workloads.ts'

const pairs = 50
/** Quicker than by default, so that the bench does not wait for a minute. */
const balanceMs = 500

export const bench: BenchDefinition = {
  name: 'locality',
  question:
    'How many calls a second between entities that talk much, before and after they find together?',
  run: (options) =>
    withFolder(async (folder) => {
      const apart = await TalkApp.start(join(folder, 'apart'), pairs, 0)
      const together = await TalkApp.start(join(folder, 'together'), pairs, balanceMs)
      try {
        const startedAt = performance.now()
        await together.findTogether(options.durationMs)
        const tookMs = Math.round(performance.now() - startedAt)
        options.note(`${pairs} pairs found together within ${tookMs} ms of talk`)
        return [
          await compare(
            {
              case: `${pairs} pairs, 1 call each in flight`,
              unit: 'calls/s',
              subject: {
                name: 'Epic Server, pairs together',
                measure: () => together.talk(options.durationMs),
              },
              baseline: {
                name: 'the same pairs, left in two processes',
                measure: () => apart.talk(options.durationMs),
              },
            },
            options,
          ),
        ]
      } finally {
        await Promise.all([apart.stop(), together.stop()])
      }
    }),
}
