/**
 * How a benchmark is asked and answered: subject against baseline, side by side, in one run.
 *
 * The idea: a machine is never as quiet as one hopes, so a figure alone says little. Each comparison
 * measures baseline and subject in turns (A B A B …), takes the median of each, and keeps the
 * smallest and the largest as the spread. What disturbs one round disturbs both sides of it; the
 * ratio of the medians is what the targets of the design are written in.
 *
 * Each side is a function that measures once and returns a number; where it runs is its own affair
 * (see probe.ts: almost always in a process of its own). Before the rounds each side is measured
 * once more and that figure dropped, so that code is compiled, files exist and connections stand.
 *
 * Deliberately absent: outlier removal, confidence intervals, and any averaging of ratios. Whoever
 * wants to judge the noise looks at the spread.
 */

import assert from 'node:assert/strict'

/** What a bench is given to work with. */
export interface BenchOptions {
  /** How often each side is measured. */
  readonly rounds: number
  /** How long one measurement lasts. */
  readonly durationMs: number
  /** The form that takes hours, where a bench has one. */
  readonly isLong?: boolean
  /** Says what is under way, on the error stream. */
  readonly note: (text: string) => void
  /** Records that a case could not be measured here, and why. */
  readonly skip: (name: string, reason: string) => void
}

/** One question, answered by rows. Each file in `questions/` exports one as `bench`. */
export interface BenchDefinition {
  /** The name of its file, as given to `npm run bench -- <name>`. */
  readonly name: string
  readonly question: string
  run(options: BenchOptions): Promise<Row[]>
}

/** The smallest and the largest of the rounds. */
export interface Spread {
  readonly min: number
  readonly max: number
}

export interface Row {
  readonly case: string
  /** The median of the rounds. */
  readonly value: number
  readonly unit: string
  /** The baseline's median, or null where the row is itself a baseline. */
  readonly baseline: number | null
  /** `value / baseline`: above one is better for a rate, worse for a time or a size. */
  readonly ratio: number | null
  /** What the baseline is. */
  readonly against: string | null
  readonly spread: Spread
  readonly baselineSpread: Spread | null
}

/** Something that can be measured again and again. */
export interface Contender {
  readonly name: string
  measure(): Promise<number>
}

export interface Comparison {
  readonly case: string
  readonly unit: string
  readonly subject: Contender
  readonly baseline: Contender
}

/** Measures subject and baseline in turns. */
export async function compare(
  comparison: Comparison,
  options: Pick<BenchOptions, 'rounds'>,
): Promise<Row> {
  const { subject, baseline } = comparison
  await baseline.measure()
  await subject.measure()
  const values: number[] = []
  const baselineValues: number[] = []
  for (let round = 0; round < options.rounds; round += 1) {
    baselineValues.push(await baseline.measure())
    values.push(await subject.measure())
  }
  return {
    case: comparison.case,
    value: median(values),
    unit: comparison.unit,
    baseline: median(baselineValues),
    ratio: median(values) / median(baselineValues),
    against: baseline.name,
    spread: spreadOf(values),
    baselineSpread: spreadOf(baselineValues),
  }
}

/** Measures what has nothing to be compared with: a baseline. */
export async function measureAlone(
  contender: Contender,
  unit: string,
  options: Pick<BenchOptions, 'rounds'>,
): Promise<Row> {
  await contender.measure()
  const values: number[] = []
  for (let round = 0; round < options.rounds; round += 1) values.push(await contender.measure())
  return {
    case: contender.name,
    value: median(values),
    unit,
    baseline: null,
    ratio: null,
    against: null,
    spread: spreadOf(values),
    baselineSpread: null,
  }
}

/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  assert(values.length > 0, 'A median needs at least one value')
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[sorted.length >> 1] ?? Number.NaN
  const lower = sorted[(sorted.length - 1) >> 1] ?? Number.NaN
  return (lower + upper) / 2
}

function spreadOf(values: readonly number[]): Spread {
  return { min: Math.min(...values), max: Math.max(...values) }
}
