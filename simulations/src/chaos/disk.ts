/**
 * `disk`: the data folder lies on a small file system, which fills up and is made room on, again and again.
 *
 * While it is full increments fail with `StoreFull`, certainly not done; nodes live. When there is room again everything works as
 * before, and nothing that was acknowledged is missing. It needs a file system of its own, so it needs to be root.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { attemptTo, pause } from './load.ts'
import { conclude, type Outcome } from './outcome.ts'
import { summary } from './recovery.ts'
import { MachineTrial } from './machine-trial.ts'
import type { Trial, TrialOptions } from './trial.ts'

export interface DiskOptions extends TrialOptions {
  readonly fills: number
  readonly note: (text: string) => void
}

const run = promisify(execFile)
const SIZE = '96m'
const FULL_MS = 3000
const EMPTY_MS = 1500
/** Together more than the disk holds. */
const HOARD_BYTES = 256 * 1024
const HOARDS_MAX = 400
const BLOCK = Buffer.alloc(64 * 1024)

/** Says why the scenario cannot run here, if it cannot. */
export function whyNoDisk(): string | undefined {
  if (process.platform !== 'linux') return 'it mounts a tmpfs, which is Linux’s'
  return process.getuid?.() === 0 ? undefined : 'only root may mount a file system'
}

export async function disk(options: DiskOptions): Promise<Outcome> {
  const mount = await mkdtemp(join(tmpdir(), 'epic-disk-'))
  await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=0700`, 'tmpfs', mount])
  try {
    return await fillAgainAndAgain(mount, options)
  } finally {
    await run('umount', ['--lazy', mount])
    await rm(mount, { recursive: true })
  }
}

async function fillAgainAndAgain(mount: string, options: DiskOptions): Promise<Outcome> {
  const trial = await MachineTrial.begin({ ...options, dataFolder: join(mount, 'data') })
  const recoveredMs: number[] = []
  const problems: string[] = []
  const before = (await trial.pids()).serving
  for (let count = 0; count < options.fills; count += 1) {
    await pause(EMPTY_MS)
    await fill(join(mount, 'filler'))
    const refusal = await hoardUntilRefused(trial)
    if (refusal !== 'StoreFull') problems.push(`a full disk is told as ${refusal}`)
    await pause(FULL_MS)
    const freedAt = performance.now()
    await rm(join(mount, 'filler'))
    recoveredMs.push(
      ...(await Promise.all(Array.from({ length: 20 }, () => firstIncrement(trial, freedAt)))),
    )
    options.note(`${count + 1} fills, ${trial.load.calls} increments`)
  }
  const after = (await trial.pids()).serving
  const ended = before.filter((pid) => !after.includes(pid)).length
  if (ended > 0) problems.push(`${ended} nodes ended because the disk was full`)
  return await conclude(
    trial,
    { fills: options.fills, recoveredMs: summary(recoveredMs) },
    problems,
  )
}

/** Saves what is new, which takes room (increments may go where others lay), until that is refused; returns the code. */
async function hoardUntilRefused(trial: Trial): Promise<string> {
  for (let count = 0; count < HOARDS_MAX; count += 1) {
    const id = String(trial.random.whole(0, 1_000_000))
    const args = [HOARD_BYTES]
    const answer = await trial.ask({ ask: 'call', type: 'Hoard', id, operation: 'keep', args })
    if (!answer.ok) return answer.error.code ?? answer.error.name
  }
  return 'nothing'
}

/** Takes all room that there is. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'w')
  try {
    for (;;) await file.write(BLOCK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  } finally {
    await file.close()
  }
}

async function firstIncrement(trial: Trial, since: number): Promise<number> {
  const counter = trial.random.pick(trial.pages.filter(({ type }) => type === 'Counter'))
  for (;;) {
    const increment = counter.begin()
    const attempt = await attemptTo(trial, 'add', increment)
    if (attempt.kind === 'told') {
      counter.acknowledge(increment, attempt.told.count)
      return performance.now() - since
    }
    if (attempt.retry === 'safe') counter.refuse(increment)
    else counter.giveUp(increment)
    await pause(5)
  }
}
