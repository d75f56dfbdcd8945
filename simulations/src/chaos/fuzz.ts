/**
 * `fuzz`: strangers say hostile bytes to the sockets of all nodes, a million frames, while the app is under load.
 *
 * No call may fail for it and no node may end; every connection is refused, and counted by the node that refused it.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { HostileBytes, type Sent } from './hostile-bytes.ts'
import { MachineTrial } from './machine-trial.ts'
import { conclude, type Outcome } from './outcome.ts'
import type { TrialOptions } from './trial.ts'

export interface FuzzOptions extends TrialOptions {
  readonly frames: number
  readonly note: (text: string) => void
}

const STRANGERS = 16
const FRAMES_PER_CONNECTION_MAX = 64
const NOTE_EVERY = 100_000

export async function fuzz(options: FuzzOptions): Promise<Outcome> {
  const trial = await MachineTrial.begin(options)
  await trial.allServe()
  const before = await trial.pids()
  const sent = await speakAll(trial, options)
  const after = await trial.pids()
  const counted = await strangersCounted(trial)
  const ended = before.serving.filter((pid) => !after.serving.includes(pid)).length
  const { failures } = trial.load
  return await conclude(trial, { ...sent, counted }, [
    ...(ended > 0 ? [`${ended} nodes ended`] : []),
    ...(Object.keys(failures).length > 0 ? [`calls failed: ${JSON.stringify(failures)}`] : []),
    ...(counted < sent.connections
      ? [`${sent.connections} connections came, and ${counted} were counted`]
      : []),
  ])
}

async function speakAll(trial: MachineTrial, options: FuzzOptions): Promise<Sent> {
  const { random } = trial
  const folder = join(trial.data, 'run')
  const sockets = (await readdir(folder)).filter((name) => name.startsWith('node-'))
  const bytes = new HostileBytes(random.fork())
  const sent = { frames: 0, connections: 0 }
  const speak = async (): Promise<void> => {
    while (sent.frames < options.frames) {
      const frames = random.whole(1, FRAMES_PER_CONNECTION_MAX)
      const before = sent.frames
      sent.frames += frames
      sent.connections += 1
      if (Math.floor(before / NOTE_EVERY) < Math.floor(sent.frames / NOTE_EVERY))
        options.note(`${sent.frames} frames on ${sent.connections} connections`)
      await bytes.speak({ path: join(folder, random.pick(sockets)) }, frames)
    }
  }
  await Promise.all(Array.from({ length: STRANGERS }, speak))
  return sent
}

/** How many of those who came the nodes say that they did not let in. */
async function strangersCounted(trial: MachineTrial): Promise<number> {
  const answer = await trial.ask({ ask: 'status' })
  if (!answer.ok) throw new Error(answer.error.message)
  const nodes = answer.value as readonly { readonly answer: { readonly refused: number } | null }[]
  return nodes.reduce((sum, each) => sum + (each.answer?.refused ?? 0), 0)
}
