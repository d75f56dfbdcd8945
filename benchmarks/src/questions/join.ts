/**
 * What does a node that joins cost those that call, until it has its share?
 *
 * A world of eight nodes and a million entities, in memory only, so that each that goes to the ninth is moved as it is. The ninth
 * is a process that starts while calls go on (its place was kept by one that is drained before anything is there): it has its share
 * when a ninth of the partitions are its own and their entities are there. Once: a world is made in minutes.
 */

import { join } from 'node:path'
import type { BenchDefinition } from '../harness.ts'
import { measureChange, rowsOfChanges } from '../epic/change-of-nodes.ts'
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
        await app.ask({ ask: 'drain', node: String(newcomer), then: 'stay' })
        await app.settled(nodes)
        note(`making ${entities.toLocaleString('en')} entities in memory at ${nodes} nodes`)
        await app.make('Ghost', entities)
        note('the ninth joins')
        const joined = await measureChange(app, { quietMs: 5 * durationMs, change })
        return rowsOfChanges([joined], {
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

/** A ninth, but for the chance by which ids fall into partitions, and those into shards. */
function shareOf(entities: number): number {
  return Math.floor((0.8 * entities) / (nodes + 1))
}
