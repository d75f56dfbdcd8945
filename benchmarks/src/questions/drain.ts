/**
 * What does a node that gives everything away cost those that call?
 *
 * Entities in memory only, so that each is moved as it is; one node of three after the other drains and starts anew.
 */

import { join } from 'node:path'
import type { BenchDefinition } from '../harness.ts'
import { measureChange, rowsOfChanges, type Change } from '../epic/change-of-nodes.ts'
import { MovingApp } from '../epic/moving-app-client.ts'
import { withFolder } from '../workloads.ts'

const processes = 3
const shards = 12

export const bench: BenchDefinition = {
  name: 'drain',
  question: 'How long does a node take to give everything away, and what do calls notice?',
  run: ({ rounds, durationMs, note }) =>
    withFolder(async (folder) => {
      const entities = durationMs < 1_000 ? 1_500 : 30_000
      const app = await MovingApp.start({ data: join(folder, 'data'), processes, shards })
      try {
        note(`making ${entities.toLocaleString('en')} entities in memory`)
        await app.make('Ghost', entities)
        const changes: Change[] = []
        for (let round = 0; round < rounds; round += 1) {
          const node = String(round % processes)
          note(`round ${round + 1}: node ${node} drains`)
          changes.push(await measureChange(app, { quietMs: durationMs, change: () => drain(node) }))
          await app.settled()
        }
        return rowsOfChanges(changes, {
          what: `a node of three drains, with ${entities.toLocaleString('en')} entities in all`,
          lost: await app.lost(),
        })

        async function drain(node: string): Promise<number> {
          const report = await app.ask({ ask: 'drain', node, then: 'restart' })
          return (report as { readonly moved: number }).moved
        }
      } finally {
        await app.stop()
      }
    }),
}
