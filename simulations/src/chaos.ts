/**
 * `npm run chaos -- <scenario> [--json] [--times N] [--seconds S] [--seed X] [--processes P] [--keep]`: a real app, real processes, real harm.
 *
 * | scenario             | what is done to the app                                                      |
 * |----------------------|------------------------------------------------------------------------------|
 * | `kill`               | random nodes are killed with SIGKILL every few hundred milliseconds           |
 * | `pause`              | random nodes are frozen with SIGSTOP, around the length of their lease        |
 * | `supervisor`         | the supervisor is killed with SIGKILL, and the app is started again           |
 * | `disk`               | the disk is filled, and room is made again                                    |
 * | `fuzz`               | strangers say a million hostile frames to the nodes’ sockets                 |
 * | `machine-loss`       | a machine of three is cut off and all on it killed, its etcd too              |
 * | `partition`          | a machine of three is cut off, made deaf, or unheard; and mended              |
 * | `host-pause`         | all of the app on a machine of three is frozen past its lease; and thawed     |
 * | `engine-leader-kill` | the leader of the three etcds is killed; all three stand still for a while    |
 * | `rolling-restart`    | each machine of three is stopped in good order and started again              |
 * | `join`               | a machine joins two others                                                    |
 *
 * Machines are network namespaces, with an etcd each and a PostgreSQL beside them; who may not make those skips, and says why.
 * `--times`, or `--kills`, is how often the harm is done.
 *
 * Each ends with what was lost, doubled and unanswered; anything but nothing makes the command fail, and it then says where the data
 * folder and the app's log lie. The seed decides what is harmed and when, but real processes have their own timing: a run cannot be
 * replayed exactly (the simulator's can: `npm run simulate`).
 */
import { parseArgs } from 'node:util'
import { SCENARIOS } from './chaos/scenarios.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    times: { type: 'string' },
    kills: { type: 'string' },
    seconds: { type: 'string', default: '540' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 0x1_0000_0000)) },
    processes: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
})

process.exitCode = await main(positionals[0] ?? 'kill')

async function main(name: string): Promise<number> {
  const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined
  if (scenario === undefined) {
    console.error(`There is no scenario "${name}". There are: ${Object.keys(SCENARIOS).join(', ')}`)
    return 2
  }
  const outcome = await scenario({
    seed: Number(values.seed),
    seconds: Number(values.seconds),
    times: numberOf(values.times ?? values.kills),
    processes: numberOf(values.processes),
    isKept: values.keep,
    note: (text) => console.error(`${name}: ${text}`),
  })
  if (typeof outcome === 'string') {
    console.error(`${name}: skipped, since ${outcome}`)
    if (values.json) console.log(JSON.stringify({ scenario: name, skipped: outcome }))
    return 0
  }
  const { report, problems, folder } = outcome
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

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}
