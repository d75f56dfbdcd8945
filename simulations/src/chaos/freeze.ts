/**
 * `pause`: random nodes are frozen with SIGSTOP, for less or more than their lease, and thawed if they still exist.
 *
 * A node that was frozen for long is killed by its supervisor, or thawed when its lease is over and others may have its entities: then
 * it must end by itself, without a turn, an answer or a write. Either way its entities answer elsewhere, and nobody else's ever wait
 * for it. Writes are judged by the audit; answers by who told them; turns by tickers, which print from within theirs.
 */
import { tickFrom } from './counters-app.ts'
import { HealthyWatch } from './healthy-watch.ts'
import { pause } from './load.ts'
import { conclude, type Outcome } from './outcome.ts'
import { measureRecovery, percentile, summary } from './recovery.ts'
import { MachineTrial } from './machine-trial.ts'
import type { Trial, TrialOptions } from './trial.ts'

export interface FreezeOptions extends TrialOptions {
  readonly freezes: number
  readonly note: (text: string) => void
}

/** How long it is frozen, in leases: from what it survives to what its supervisor does not let pass. */
const FROZEN_LEASES = { least: 0.3, most: 1.6 }
/** From here on it has certainly lost its entities, in leases. */
const LOST_AFTER_LEASES = 1
/** From here on it must not act any more, in leases: what a renewal lets a node serve. */
const SERVES_LEASES = 0.75
const TICKERS = 12
const PAUSE_MS = 1000
/** By then the supervisor sends nobody through the frozen node any more, in leases; whoever asked before may wait for it. */
const NOTICED_LEASES = 0.45
/** Whoever asked for an entity that lives elsewhere never waited this long: far above a slow disk, far below a lease. */
const STALLED_MS = 1000

interface Answer {
  readonly startedAt: number
  readonly tookMs: number
  readonly homeBefore: number | undefined
  readonly pid: number
}

interface Frozen {
  readonly pid: number
  readonly since: number
  /** When it was woken, of the wall clock, if its lease was over by then. */
  thawedTooLateAtMs: number
}

export async function freeze(options: FreezeOptions): Promise<Outcome> {
  let frozen: Frozen | undefined
  const after = { answers: 0, turns: 0 }
  let turns = 0
  const elsewhereMs: number[] = []
  const onAnswer = ({ startedAt, tookMs, homeBefore, pid }: Answer): void => {
    if (frozen === undefined || startedAt < frozen.since) return
    if (pid === frozen.pid && Date.now() > frozen.thawedTooLateAtMs) after.answers += 1
    const isNoticed = startedAt > frozen.since + NOTICED_LEASES * options.leaseMs
    if (homeBefore !== frozen.pid && isNoticed) elsewhereMs.push(tookMs)
  }
  const onLine = (line: string): void => {
    const tick = tickFrom(line)
    if (tick === undefined) return
    turns += 1
    if (frozen === undefined) return
    if (tick.pid === frozen.pid && tick.atMs > frozen.thawedTooLateAtMs) after.turns += 1
  }
  const healthy = new HealthyWatch()
  const trial = await MachineTrial.begin({
    ...options,
    onAnswer,
    onOutcome: (outcome) => healthy.handleOutcome(outcome),
    onLine,
  })
  const recoveries: Promise<number[]>[] = []
  const ends = { survived: 0, thawedTooLate: 0, killed: 0 }
  for (let count = 0; count < options.freezes; count += 1) {
    await prepare(trial)
    const { serving } = await trial.pids()
    const pid = trial.random.pick(serving)
    const forMs = trial.random.between(FROZEN_LEASES.least, FROZEN_LEASES.most) * options.leaseMs
    process.kill(pid, 'SIGSTOP')
    frozen = { pid, since: performance.now(), thawedTooLateAtMs: Infinity }
    healthy.begin(trial.pages, new Set(serving.filter((each) => each !== pid)))
    if (forMs > LOST_AFTER_LEASES * options.leaseMs)
      recoveries.push(measureRecovery({ pid, diedAt: frozen.since, trial }))
    await pause(forMs)
    if (forMs > SERVES_LEASES * options.leaseMs) frozen.thawedTooLateAtMs = Date.now()
    ends[await thaw(pid, trial)] += 1
    healthy.end()
    frozen = undefined
    options.note(`${count + 1} freezes, the last for ${Math.round(forMs)} ms`)
  }
  const recoveredMs = (await Promise.all(recoveries)).flat()
  const stalled = elsewhereMs.filter((tookMs) => tookMs > STALLED_MS).length
  const report = {
    freezes: options.freezes,
    ...ends,
    answersAfterLease: after.answers,
    turns,
    turnsAfterLease: after.turns,
    healthy: healthy.report,
    stalledElsewhere: stalled,
    elsewhereMs: summary(elsewhereMs),
    recoveredMs: summary(recoveredMs),
  }
  return await conclude(trial, report, [
    ...(after.answers > 0 ? [`${after.answers} answers of a node whose lease was over`] : []),
    ...(turns === 0 ? ['no ticker ticked, so nothing is known of turns'] : []),
    ...(after.turns > 0 ? [`${after.turns} turns of a node whose lease was over`] : []),
    ...(stalled > 0
      ? [`${stalled} calls to entities of other nodes took longer than ${STALLED_MS} ms`]
      : []),
    ...((percentile(recoveredMs, 1) ?? 0) > 2 * options.leaseMs
      ? ['an entity was away for longer than two leases']
      : []),
  ])
}

/** All nodes serve, have tickers, and it is known who lives where. */
async function prepare(trial: Trial): Promise<void> {
  await trial.allServe()
  await pause(PAUSE_MS)
  for (let id = 0; id < TICKERS; id += 1) {
    await trial.ask({ ask: 'call', type: 'Ticker', id: String(id), operation: 'start', args: [] })
  }
  // Whose counter moved and was not asked since would count as somebody else's.
  await trial.locateAll()
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
