/** What calls do while the nodes of a world change, beside what they did just before, as the rows of a bench. */

import { setTimeout as pause } from 'node:timers/promises'
import { median, type Row, type Spread } from '../harness.ts'
import type { MovingApp, Seen } from './moving-app-client.ts'

/** One change, with calls before it and meanwhile. */
export interface Change {
  readonly before: Seen
  readonly meanwhile: Seen
  readonly tookMs: number
  readonly moved: number
}

/** Drives the app for a while, and then until the change is over; what the change says is how many entities moved. */
export async function measureChange(
  app: MovingApp,
  { quietMs, change }: { readonly quietMs: number; readonly change: () => Promise<number> },
): Promise<Change> {
  const before = await app.driveWhile(pause(quietMs))
  const startedAt = performance.now()
  const changing = change().then((moved) => ({ moved, tookMs: performance.now() - startedAt }))
  const meanwhile = await app.driveWhile(changing)
  return { before, meanwhile, ...(await changing) }
}

export function rowsOfChanges(
  changes: readonly Change[],
  { what, lost }: { readonly what: string; readonly lost: number },
): Row[] {
  const row = (name: string, unit: string, pick: (change: Change) => number): Row => {
    const values = changes.map((change) => pick(change))
    const alone = { baseline: null, ratio: null, against: null, baselineSpread: null }
    return { case: name, unit, value: median(values), spread: spreadOf(values), ...alone }
  }
  const call = (name: string, pick: (seen: Seen) => number): Row => {
    const values = changes.map(({ meanwhile }) => pick(meanwhile))
    const quiet = changes.map(({ before }) => pick(before))
    return {
      case: `call while ${what}, ${name}`,
      ...{ unit: 'ms', value: median(values), spread: spreadOf(values) },
      baseline: median(quiet),
      ratio: median(values) / median(quiet),
      against: 'the same calls just before',
      baselineSpread: spreadOf(quiet),
    }
  }
  return [
    row(`${what}, until all have their place`, 'ms', ({ tookMs }) => tookMs),
    row('entities that went as they were', 'entities', ({ moved }) => moved),
    row('the same, by the second', 'entities/s', ({ moved, tookMs }) => (1_000 * moved) / tookMs),
    call('p50', ({ p50Ms }) => p50Ms),
    call('p99', ({ p99Ms }) => p99Ms),
    row('calls that failed', 'calls', ({ before, meanwhile }) => before.failed + meanwhile.failed),
    row('calls lost or doubled', 'calls', () => lost),
  ]
}

function spreadOf(values: readonly number[]): Spread {
  return { min: Math.min(...values), max: Math.max(...values) }
}
