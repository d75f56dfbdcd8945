/**
 * What does a node that joins cost those that call, until it has its share?
 *
 * A world of eight nodes and a million entities, in memory only, so that each that goes to the ninth is moved as it is. The ninth
 * is a process that starts while calls go on: it has its share when a ninth of the partitions are its own and their entities are there.
 */

import { join } from 'node:path'
import type { BenchDefinition } from '../harness.ts'
import { measureChange, rowsOfChanges, type Change } from '../epic/change-of-nodes.ts'
import { MovingApp } from '../epic/moving-app-client.ts'
import { withFolder } from '../workloads.ts'

const nodes = 8
/** Divides evenly among eight and among nine. */
const shards = 72
const newcomer = nodes

export const bench: BenchDefinition = {
  name: 'join',
  question: 'How long does a node that joins take to get its share, and what do calls notice?',
  run: ({ durationMs, note }) =>
    withFolder(async (folder) => {
      const isQuick = durationMs < 1_000
      const entities = isQuick ? 9_000 : 1_000_000
      const app = await MovingApp.start({
        data: join(folder, 'data'),
        processes: nodes + 1,
        shards,
      })
      try {
        note(`making ${entities.toLocaleString('en')} entities in memory`)
        await app.make('Ghost', entities)
        const changes: Change[] = []
        for (let round = 0; round < (isQuick ? 1 : ROUNDS); round += 1) {
          note(`round ${round + 1}: the ninth node gives everything away`)
          await app.ask({ ask: 'drain', node: String(newcomer), then: 'stay' })
          await app.settled(nodes)
          note('and joins anew')
          changes.push(await measureChange(app, { quietMs: 5 * durationMs, change }))
        }
        return rowsOfChanges(changes, {
          what: `a ninth node joins a world of ${entities.toLocaleString('en')} entities`,
          lost: await app.lost(),
        })

        async function change(): Promise<number> {
          await app.ask({ ask: 'drain', node: String(newcomer), then: 'restart' })
          await app.settled(nodes + 1)
          return await app.arrivedAt(newcomer, shareOf(entities))
        }
      } finally {
        await app.stop()
      }
    }),
}

/** Each round moves a ninth of the entities twice. */
const ROUNDS = 2

/** A ninth, but for the chance by which ids fall into partitions, and those into shards. */
function shareOf(entities: number): number {
  return Math.floor((0.8 * entities) / (nodes + 1))
}
