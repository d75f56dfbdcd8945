/**
 * How long are entities away when a process is killed, and when all are?
 *
 * Both are held against the least that any restart from disk takes: a bare node process that starts, opens LMDB with as many records,
 * and reads one of them. Taking over from a killed process needs no new process, so its ratio may be below one.
 */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compare, type BenchDefinition, type Contender } from '../harness.ts'
import { RestartApp } from '../epic/restart-app-client.ts'
import { withFolder } from '../workloads.ts'

const entities = 100_000
const processes = 2
const coldRead = fileURLToPath(new URL('../baselines/cold-read.js', import.meta.url))

export const bench: BenchDefinition = {
  name: 'restart',
  question: 'How long are entities away when their processes are killed?',
  run: (options) =>
    withFolder(async (folder) => {
      const baseline = fillBaseline(join(folder, 'bare'))
      options.note(`saving ${entities.toLocaleString('en')} entities`)
      const app = await RestartApp.start(join(folder, 'data'), processes, entities)
      const subject = (measure: () => Promise<number>): Contender => ({
        name: 'Epic Server',
        measure,
      })
      try {
        return [
          await compare(
            {
              case: `kill -9 of one of ${processes} processes, until its entities answer`,
              unit: 'ms',
              subject: subject(() => app.killNode()),
              baseline,
            },
            options,
          ),
          await compare(
            {
              case: 'kill -9 of all, restart with 100,000 saved entities, until one answers',
              unit: 'ms',
              subject: subject(() => app.killAll()),
              baseline,
            },
            options,
          ),
        ]
      } finally {
        await app.stop()
      }
    }),
}

function fillBaseline(folder: string): Contender {
  mkdirSync(folder)
  const filled = spawnSync(process.execPath, [coldRead, folder, String(entities)])
  if (filled.status !== 0) throw new Error(`LMDB could not be filled: ${String(filled.stderr)}`)
  return {
    name: 'node starts, opens LMDB, reads',
    async measure() {
      const startedAt = performance.now()
      const child = spawn(process.execPath, [coldRead, folder], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(child.stdout, 'data')
      const elapsedMs = performance.now() - startedAt
      await once(child, 'close')
      return elapsedMs
    },
  }
}
