/**
 * What a bench says: a table for people, one line of JSON for programs, a file for the record.
 *
 * The files in `results/` are the record; the tables in README.md are made from them and from
 * nothing else, between two marks, so that a figure there can always be traced to its run.
 */

import { availableParallelism, cpus } from 'node:os'
import { type BenchDefinition, type Row, type Spread } from './harness.ts'

export interface Skipped {
  readonly case: string
  readonly reason: string
}

/** One run of one bench, as it is printed with `--json` and kept in `results/`. */
export interface Report {
  readonly bench: string
  readonly question: string
  readonly node: string
  readonly cpus: number
  readonly cpuModel: string
  readonly platform: string
  readonly date: string
  readonly rounds: number
  readonly durationMs: number
  /** Of the form that takes hours. */
  readonly isLong?: boolean
  readonly rows: readonly Row[]
  readonly skipped: readonly Skipped[]
}

export interface Run {
  readonly rounds: number
  readonly durationMs: number
  /** Of the form that takes hours. */
  readonly isLong?: boolean
  readonly rows: readonly Row[]
  readonly skipped: readonly Skipped[]
}

/** A run with the machine that it ran on. */
export function describeRun(bench: BenchDefinition, run: Run): Report {
  return {
    bench: bench.name,
    question: bench.question,
    node: process.version,
    cpus: availableParallelism(),
    cpuModel: cpus()[0]?.model.trim() ?? 'unknown',
    platform: `${process.platform} ${process.arch}`,
    date: new Date().toISOString().slice(0, 10),
    ...run,
  }
}

/** The report as a Markdown section; it reads well in a terminal too. */
export function formatReport(report: Report): string {
  const { rounds, durationMs } = report
  const cells = [
    ['case', 'value (min–max)', 'unit', 'baseline (min–max)', 'ratio'],
    ...report.rows.map((row) => [
      row.case,
      formatValue(row.value, row.spread),
      row.unit,
      formatBaseline(row),
      row.ratio === null ? '' : formatNumber(row.ratio),
    ]),
  ]
  return [
    `### ${report.bench}${report.isLong === true ? ' --long' : ''}`,
    '',
    report.question,
    '',
    ...formatTable(cells),
    '',
    ...report.skipped.map(({ case: name, reason }) => `Skipped: ${name}: ${reason}`),
    `Node ${report.node}, ${report.cpus} CPUs (${report.cpuModel}), ${report.platform}, ` +
      `${report.date}; medians of ${rounds} rounds of ${durationMs} ms in turns.`,
  ].join('\n')
}

const tablesBegin = '<!-- tables: made by `npm run bench -- --table` from results/ -->'
const tablesEnd = '<!-- end of tables -->'

/**
 * Puts the tables of these reports into the text of README.md.
 *
 * @throws Error when the text lacks one of the two marks.
 */
export function replaceTables(readme: string, reports: readonly Report[]): string {
  const from = readme.indexOf(tablesBegin)
  const to = readme.indexOf(tablesEnd)
  if (from === -1 || to < from) {
    throw new Error(`Cannot write the tables: README.md lacks "${tablesBegin}" or "${tablesEnd}"`)
  }
  const tables = reports.map((report) => `${formatReport(report)}\n\n`).join('')
  return `${readme.slice(0, from)}${tablesBegin}\n\n${tables}${readme.slice(to)}`
}

function formatBaseline({ baseline, baselineSpread, against }: Row): string {
  if (baseline === null || baselineSpread === null) return ''
  return `${against}: ${formatValue(baseline, baselineSpread)}`
}

function formatValue(value: number, { min, max }: Spread): string {
  return `${formatNumber(value)} (${formatNumber(min)}–${formatNumber(max)})`
}

/** Three significant digits: more would claim a precision that no run has. */
function formatNumber(value: number): string {
  const rounded = Number(value.toPrecision(3))
  return rounded >= 1_000 ? rounded.toLocaleString('en-US') : String(rounded)
}

function formatTable(rows: readonly (readonly string[])[]): string[] {
  const [head = [], ...body] = rows
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(head), rule, ...body.map(line)]
}
