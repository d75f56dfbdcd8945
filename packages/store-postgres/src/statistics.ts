/**
 * What each kind of statement costs: how often, how long, how often in vain, and the latest slow ones.
 *
 * For `epic db` and for metrics. A statement is known by its name alone: neither ids nor values are kept, since they are the users'.
 */
import { createHistogram } from 'node:perf_hooks'
import type { RecordableHistogram } from 'node:perf_hooks'
import { SLOW_KEPT } from './limits.ts'

/** The figures of one kind of statement on one database, since the store was opened. */
export interface StatementFigures {
  readonly shard: number
  /** `apply`, `read`, `scan ids`, … */
  readonly statement: string
  readonly count: number
  /** How many of them failed, for whatever reason. */
  readonly errors: number
  /** Requests that they carried: an `apply` carries many. */
  readonly requests: number
  readonly totalMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** A statement that took long. */
export interface SlowStatement {
  readonly shard: number
  readonly statement: string
  readonly startedAt: Date
  readonly tookMs: number
  readonly requests: number
  /** What went wrong, where something did. */
  readonly error?: string
}

/** One execution of a statement. */
export interface Execution {
  readonly statement: string
  readonly tookMs: number
  readonly requests: number
  readonly error?: string
}

/** What {@link Statistics} are made of. */
export interface StatisticsOptions {
  readonly shard: number
  readonly slowMs: number
  readonly onSlow: (slow: SlowStatement) => void
}

interface Series {
  readonly histogram: RecordableHistogram
  errors: number
  requests: number
  totalMs: number
}

/** Durations are counted in microseconds, up to ten minutes, with two figures: 20 KB for each kind of statement. */
const HISTOGRAM = { lowest: 1, highest: 600_000_000, figures: 2 }

export class Statistics {
  readonly #options: StatisticsOptions
  readonly #series = new Map<string, Series>()
  #slow: SlowStatement[] = []

  constructor(options: StatisticsOptions) {
    this.#options = options
  }

  /** Kinds of statements by name. */
  get figures(): StatementFigures[] {
    return [...this.#series]
      .map(([statement, series]) => figuresOf(this.#options.shard, statement, series))
      .toSorted((a, b) => (a.statement < b.statement ? -1 : 1))
  }

  /** The latest slow statements, the oldest first. */
  get slow(): readonly SlowStatement[] {
    return this.#slow
  }

  handleExecution({ statement, tookMs, requests, error }: Execution): void {
    const series = this.#seriesOf(statement)
    series.histogram.record(Math.max(1, Math.round(tookMs * 1_000)))
    series.requests += requests
    series.totalMs += tookMs
    if (error !== undefined) series.errors += 1
    const { shard, slowMs, onSlow } = this.#options
    if (tookMs < slowMs) return
    const startedAt = new Date(Date.now() - tookMs)
    const failed = error === undefined ? {} : { error }
    const slow: SlowStatement = { shard, statement, startedAt, tookMs, requests, ...failed }
    this.#slow = [...this.#slow.slice(-SLOW_KEPT + 1), slow]
    onSlow(slow)
  }

  #seriesOf(statement: string): Series {
    const known = this.#series.get(statement)
    if (known !== undefined) return known
    const series = { histogram: createHistogram(HISTOGRAM), errors: 0, requests: 0, totalMs: 0 }
    this.#series.set(statement, series)
    return series
  }
}

function figuresOf(shard: number, statement: string, series: Series): StatementFigures {
  const { histogram, errors, requests, totalMs } = series
  return {
    shard,
    statement,
    count: histogram.count,
    errors,
    requests,
    totalMs,
    p50Ms: histogram.percentile(50) / 1_000,
    p99Ms: histogram.percentile(99) / 1_000,
    maxMs: histogram.max / 1_000,
  }
}
