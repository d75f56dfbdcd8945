/**
 * `fuzz`: strangers say hostile bytes to the sockets of all nodes, a million frames, while the app is under load.
 *
 * No call may fail for it and no node may end; every connection is refused, and counted by the node that refused it. `recoveredMs` is how
 * long calls took meanwhile.
 */
import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { NetHost } from '../hosts/net-hosts.ts'
import { ClusterTrial } from './cluster-trial.ts'
import { HostileBytes, sayAll, type Sent } from './hostile-bytes.ts'
import type { AppSource } from './load.ts'
import { MachineTrial } from './machine-trial.ts'
import { conclude, type Outcome } from './outcome.ts'
import { summary } from './recovery.ts'
import type { ClusterScenarioOptions } from './scenarios.ts'
import type { TrialOptions } from './trial.ts'

export interface FuzzOptions extends TrialOptions {
  readonly frames: number
  readonly note: (text: string) => void
}

/** Of a machine that listens at 3030: its supervisor takes that one. */
const FIRST_NODE_PORT = 3031
const NOTE_EVERY = 100_000

export async function fuzz(options: FuzzOptions): Promise<Outcome> {
  const meanwhileMs: number[] = []
  const onAnswer = ({ tookMs }: { readonly tookMs: number }): void => void meanwhileMs.push(tookMs)
  const trial = await MachineTrial.begin({ ...options, onAnswer })
  await trial.allServe()
  const before = await trial.pids()
  const sent = await speakAll(trial, options)
  const after = await trial.pids()
  const counted = await strangersCounted(trial)
  const ended = before.serving.filter((pid) => !after.serving.includes(pid)).length
  const { failures } = trial.load
  const report = { ...sent, counted, recoveredMs: summary(meanwhileMs) }
  return await conclude(trial, report, [
    ...(ended > 0 ? [`${ended} nodes ended`] : []),
    ...(Object.keys(failures).length > 0 ? [`calls failed: ${JSON.stringify(failures)}`] : []),
    ...(counted < sent.connections
      ? [`${sent.connections} connections came, and ${counted} were counted`]
      : []),
  ])
}

async function speakAll(trial: MachineTrial, options: FuzzOptions): Promise<Sent> {
  const folder = join(trial.data, 'run')
  const sockets = (await readdir(folder)).filter((name) => name.startsWith('node-'))
  const addresses = sockets.map((name) => ({ path: join(folder, name) }))
  let noted = 0
  const onProgress = ({ frames, connections }: Sent): void => {
    if (frames < noted + NOTE_EVERY) return
    noted += NOTE_EVERY
    options.note(`${noted} frames on ${connections} connections`)
  }
  const bytes = new HostileBytes(trial.random.fork())
  return await sayAll(bytes, trial.random, addresses, options.frames, onProgress)
}

/** The same from a host of its own, over tcp, to the nodes of a cluster. */
export async function fuzzCluster(options: ClusterScenarioOptions): Promise<Outcome> {
  const meanwhileMs: number[] = []
  const onAnswer = ({ tookMs }: { readonly tookMs: number }): void => void meanwhileMs.push(tookMs)
  const trial = await ClusterTrial.begin({ ...options, onAnswer })
  const before = await trial.pids()
  const places = trial.machines.flatMap(({ host }) => [host.address, String(FIRST_NODE_PORT)])
  const stranger = trial.net.hosts.at(-1) as NetHost
  const program = fileURLToPath(new URL('./stranger-program.js', import.meta.url))
  const [command, ...args] = stranger.command
  const sentAs = [...args, process.execPath, program, String(options.seed), String(options.times)]
  const { stdout } = await promisify(execFile)(command, [...sentAs, ...places])
  const sent = JSON.parse(stdout) as Sent
  const after = await trial.pids()
  const apps = trial.machines.flatMap(({ app }) => app ?? [])
  const counts = await Promise.all(apps.map((app) => strangersCounted(app)))
  const counted = counts.reduce((sum, each) => sum + each, 0)
  const ended = before.serving.filter((pid) => !after.serving.includes(pid)).length
  const { failures } = trial.load
  const report = { ...sent, counted, recoveredMs: summary(meanwhileMs) }
  return await conclude(trial, report, [
    ...(ended > 0 ? [`${ended} nodes ended`] : []),
    ...(Object.keys(failures).length > 0 ? [`calls failed: ${JSON.stringify(failures)}`] : []),
    ...(counted < sent.connections
      ? [`${sent.connections} connections came, and ${counted} were counted`]
      : []),
  ])
}

/** How many of those who came the nodes say that they did not let in. */
async function strangersCounted(trial: AppSource): Promise<number> {
  const answer = await trial.ask({ ask: 'status' })
  if (!answer.ok) throw new Error(answer.error.message)
  const nodes = answer.value as readonly { readonly answer: { readonly refused: number } | null }[]
  return nodes.reduce((sum, each) => sum + (each.answer?.refused ?? 0), 0)
}
