/**
 * `npm run bench -- <name>… [--json] [--quick] [--save]` and `npm run bench -- --table`.
 *
 * Each bench prints its table. With `--json` the last line of the output is one object (of the last
 * bench named); progress goes to the error stream. `--quick` shows that a bench works, in rounds too
 * short to quote; so its figures are not saved.
 */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Argument, Command, CommanderError } from 'commander'
import { type BenchDefinition, type BenchOptions } from './harness.ts'
import { describeRun, formatReport, replaceTables, type Report, type Skipped } from './report.ts'

const workspace = new URL('../../', import.meta.url)
const results = new URL('results/', workspace)
const questions = new URL('./questions/', import.meta.url)

const careful = { rounds: 5, durationMs: 1_000 }
const quick = { rounds: 3, durationMs: 200 }

/** The exit code of a program that was called wrongly. */
const WRONG_USE = 2

interface Flags {
  readonly json?: true
  readonly quick?: true
  readonly long?: true
  readonly save?: true
  readonly table?: true
}

const program = new Command('npm run bench')
  .usage('-- [options] <name…>')
  .description('Measures one question after the other, each beside its bare baseline.')
  .addArgument(new Argument('[names...]', 'what is measured').choices(listBenches()))
  .option('--quick', 'show that it works, in rounds too short to quote')
  .option('--long', 'the form that takes hours, where there is one')
  .option('--save', 'keep the figures in benchmarks/results')
  .option('--table', 'make the tables of the README of what is kept')
  .option('--json', 'print one JSON object as the last line')
  .showHelpAfterError('(npm run bench -- --help shows all)')
  .exitOverride()
  .action(main)

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? 0 : WRONG_USE
}

async function main(names: readonly string[], flags: Flags): Promise<void> {
  if (names.length === 0 && !flags.table) program.error('error: no name says what to measure')
  if (flags.save && flags.quick)
    program.error('error: --save and --quick: rounds too short to quote are not kept')
  for (const name of names) {
    const report = await runBench(await loadBench(name), {
      ...(flags.quick ? quick : careful),
      isLong: flags.long === true,
    })
    console.log(formatReport(report))
    if (flags.save) save(report)
    if (flags.json) console.log(JSON.stringify(report))
  }
  if (flags.table) writeTables()
}

async function runBench(
  bench: BenchDefinition,
  effort: Pick<BenchOptions, 'rounds' | 'durationMs' | 'isLong'>,
): Promise<Report> {
  const skipped: Skipped[] = []
  const rows = await bench.run({
    ...effort,
    note: (text) => console.error(`${bench.name}: ${text}`),
    skip: (name, reason) => void skipped.push({ case: name, reason }),
  })
  return describeRun(bench, { ...effort, rows, skipped })
}

function listBenches(): string[] {
  return readdirSync(questions)
    .filter((file) => file.endsWith('.js'))
    .map((file) => file.slice(0, -'.js'.length))
}

async function loadBench(name: string): Promise<BenchDefinition> {
  const file = new URL(`${name}.js`, questions)
  const { bench } = (await import(file.href)) as { readonly bench: BenchDefinition }
  return bench
}

function save(report: Report): void {
  mkdirSync(results, { recursive: true })
  const file = new URL(`${report.bench}${report.isLong === true ? '-long' : ''}.json`, results)
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
}

function writeTables(): void {
  const reports = readdirSync(results)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => JSON.parse(readFileSync(new URL(file, results), 'utf8')) as Report)
  const readme = new URL('README.md', workspace)
  writeFileSync(readme, replaceTables(readFileSync(readme, 'utf8'), reports))
}
