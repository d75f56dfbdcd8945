/**
 * `pause`: random nodes are frozen with SIGSTOP, for less or more than their lease, and thawed if they still exist.
 *
 * A node that was frozen for long is killed by its supervisor, or thawed when its lease is over and others may have its entities: then
 * it must end by itself, without an answer or a write. Either way its entities answer elsewhere, and nobody else's ever wait for it.
 */
import { pause } from './load.ts'
import { conclude, type Outcome } from './outcome.ts'
import { measureRecovery, percentile, summary } from './recovery.ts'
import { Trial, type TrialOptions } from './trial.ts'

export interface FreezeOptions extends TrialOptions {
  readonly freezes: number
  readonly note: (text: string) => void
}

/** How long it is frozen, in leases: from what it survives to what its supervisor does not let pass. */
const FROZEN_LEASES = { least: 0.3, most: 1.6 }
/** From here on it has certainly lost its entities, in leases. */
const LOST_AFTER_LEASES = 1
const PAUSE_MS = 1000
/** Whoever asked for an entity that lives elsewhere never waited this long: far above a slow disk, far below a lease. */
const STALLED_MS = 1000

interface Answer {
  readonly startedAt: number
  readonly tookMs: number
  readonly homeBefore: number | undefined
}

export async function freeze(options: FreezeOptions): Promise<Outcome> {
  let frozen: { readonly pid: number; readonly since: number } | undefined
  let stalled = 0
  const elsewhereMs: number[] = []
  const onAnswer = ({ startedAt, tookMs, homeBefore }: Answer): void => {
    if (frozen === undefined || startedAt < frozen.since || homeBefore === frozen.pid) return
    elsewhereMs.push(tookMs)
    if (tookMs > STALLED_MS) stalled += 1
  }
  const trial = await Trial.begin({ ...options, onAnswer })
  const recoveries: Promise<number[]>[] = []
  const ends = { survived: 0, thawedTooLate: 0, killed: 0 }
  for (let count = 0; count < options.freezes; count += 1) {
    await trial.allServe()
    await pause(PAUSE_MS)
    const pid = trial.random.pick((await trial.pids()).serving)
    const forMs = trial.random.between(FROZEN_LEASES.least, FROZEN_LEASES.most) * options.leaseMs
    process.kill(pid, 'SIGSTOP')
    frozen = { pid, since: performance.now() }
    if (forMs > LOST_AFTER_LEASES * options.leaseMs)
      recoveries.push(measureRecovery({ pid, diedAt: frozen.since, trial }))
    await pause(forMs)
    ends[await thaw(pid, trial)] += 1
    frozen = undefined
    options.note(`${count + 1} freezes, the last for ${Math.round(forMs)} ms`)
  }
  const recoveredMs = (await Promise.all(recoveries)).flat()
  return await conclude(
    trial,
    {
      freezes: options.freezes,
      ...ends,
      stalledElsewhere: stalled,
      elsewhereMs: summary(elsewhereMs),
      recoveredMs: summary(recoveredMs),
    },
    [
      ...(stalled > 0
        ? [`${stalled} calls to entities of other nodes took longer than ${STALLED_MS} ms`]
        : []),
      ...((percentile(recoveredMs, 1) ?? 0) > 2 * options.leaseMs
        ? ['an entity was away for longer than two leases']
        : []),
    ],
  )
}

/** Wakes a process and says what became of it. */
async function thaw(pid: number, trial: Trial): Promise<'survived' | 'thawedTooLate' | 'killed'> {
  try {
    process.kill(pid, 'SIGCONT')
  } catch {
    return 'killed' // there is no such process any more: its supervisor did not wait
  }
  await pause(trial.options.leaseMs / 2)
  return (await trial.pids()).serving.includes(pid) ? 'survived' : 'thawedTooLate'
}
