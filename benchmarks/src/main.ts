/**
 * `npm run bench -- <name>… [--json] [--quick] [--save]` and `npm run bench -- --table`.
 *
 * Each bench prints its table. With `--json` the last line of the output is one object (of the last
 * bench named); progress goes to the error stream. `--quick` shows that a bench works, in rounds too
 * short to quote; so its figures are not saved.
 */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type BenchDefinition, type BenchOptions } from './harness.ts'
import { describeRun, formatReport, replaceTables, type Report, type Skipped } from './report.ts'

const workspace = new URL('../../', import.meta.url)
const results = new URL('results/', workspace)
const questions = new URL('./questions/', import.meta.url)

const careful = { rounds: 5, durationMs: 1_000 }
const quick = { rounds: 3, durationMs: 200 }

process.exitCode = await main()

async function main(): Promise<number> {
  const { values: flags, positionals: names } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      table: { type: 'boolean', default: false },
    },
  })
  const known = listBenches()
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length > 0) return complain(`There is no bench "${unknown.join('", "')}"`, known)
  if (names.length === 0 && !flags.table) return complain('Which bench?', known)
  if (flags.save && flags.quick) return complain('The figures of --quick are not to be saved', [])

  for (const name of names) {
    const report = await runBench(await loadBench(name), flags.quick ? quick : careful)
    console.log(formatReport(report))
    if (flags.save) save(report)
    if (flags.json) console.log(JSON.stringify(report))
  }
  if (flags.table) writeTables()
  return 0
}

async function runBench(
  bench: BenchDefinition,
  effort: Pick<BenchOptions, 'rounds' | 'durationMs'>,
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
  const file = new URL(`${report.bench}.json`, results)
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

function complain(message: string, known: readonly string[]): number {
  console.error(message)
  for (const name of known) console.error(`  npm run bench -- ${name} [--json] [--quick] [--save]`)
  return 2
}
