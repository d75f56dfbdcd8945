/**
 * `npm run chaos -- <scenario> [--json] [--kills N] [--seconds S] [--seed X] [--processes P] [--keep]`: a real app, real processes, real harm.
 *
 * | scenario     | what is done to the app                                                        |
 * |--------------|--------------------------------------------------------------------------------|
 * | `kill`       | random nodes are killed with SIGKILL every few hundred milliseconds             |
 * | `pause`      | random nodes are frozen with SIGSTOP, around the length of their lease          |
 * | `supervisor` | the supervisor is killed with SIGKILL, and the app is started again             |
 * | `disk`       | the disk is filled, and room is made again                                      |
 *
 * Each ends with what was lost, doubled and unanswered; anything but nothing makes the command fail, and it then says where the data
 * folder and the app's log lie. The seed decides what is harmed and when, but real processes have their own timing: a run cannot be
 * replayed exactly (the simulator's can: `npm run simulate`).
 */
import { parseArgs } from 'node:util'
import { disk, whyNoDisk } from './chaos/disk.ts'
import { freeze } from './chaos/freeze.ts'
import { kill } from './chaos/kill.ts'
import type { Outcome } from './chaos/outcome.ts'
import { supervisor } from './chaos/supervisor.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    kills: { type: 'string' },
    seconds: { type: 'string', default: '540' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 0x1_0000_0000)) },
    processes: { type: 'string', default: '3' },
    keep: { type: 'boolean', default: false },
  },
})

process.exitCode = await main(positionals[0] ?? 'kill')

async function main(name: string): Promise<number> {
  const times = (usual: number): number =>
    values.kills === undefined ? usual : Number(values.kills)
  const options = {
    seed: Number(values.seed),
    seconds: Number(values.seconds),
    processes: Number(values.processes),
    leaseMs: 2000,
    counters: 1000,
    inFlight: 16,
    isKept: values.keep,
    note: (text: string): void => console.error(`${name}: ${text}`),
  }
  const scenarios: Readonly<Record<string, () => Promise<Outcome>>> = {
    kill: () => kill({ ...options, kills: times(200) }),
    pause: () => freeze({ ...options, freezes: times(20) }),
    supervisor: () => supervisor({ ...options, kills: times(10) }),
    disk: () => disk({ ...options, fills: times(3) }),
  }
  const scenario = Object.hasOwn(scenarios, name) ? scenarios[name] : undefined
  if (scenario === undefined) {
    console.error(`There is no scenario "${name}". There are: ${Object.keys(scenarios).join(', ')}`)
    return 2
  }
  const why = name === 'disk' ? whyNoDisk() : undefined
  if (why !== undefined) {
    console.error(`disk: skipped, since ${why}`)
    return 0
  }
  const { report, problems, folder } = await scenario()
  const isPassed = problems.length === 0
  for (const problem of problems.slice(0, 20)) console.error(`${name}: ${problem}`)
  if (!isPassed)
    console.error(`${name}: data and log are kept in ${folder}; this run: --seed ${values.seed}`)
  console.log(
    values.json
      ? JSON.stringify({ scenario: name, seed: Number(values.seed), passed: isPassed, ...report })
      : report,
  )
  return isPassed ? 0 : 1
}
