// Runs the tests: builds, then all unit tests in one process, and each integration test in a
// process of its own (they fork nodes, open ports, and must not share what they leave behind).
// One more of them run side by side than there are processors, since most of them wait now and then;
// those that take longest begin first, so that none of them is left at the end, alone.
//
//   npm test                                     everything
//   npm test -- packages/wire                    the tests whose path contains one of the words
//   npm test -- --unit | --integration           one kind only
//   npm test -- <file> --name "subject: claim"   one test: what a failure prints to replay it
//
// A file that runs no test fails, and so does a selection that matches none.

import { availableParallelism } from 'node:os'
import { run } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { repositoryRoot, runTool } from './repository.ts'
import { findTests, longestFirst, markerPattern, type TestFile } from './test-files.ts'
import { printTotals, type TestCounts, type TestEvent, TestReport } from './test-report.ts'

/**
 * A process that hangs is ended and reported; both are far above what the tests take, also on a machine that is much too busy. All unit
 * tests are one process.
 */
const unitTimeoutMs = 1_200_000
const integrationTimeoutMs = 600_000

/** More than a few would make each wait for the others, on a machine of many processors too. */
const lanes = Math.min(4, availableParallelism() + 1)
const unitTests = fileURLToPath(new URL('unit-tests.js', import.meta.url))

const { values: options, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    unit: { type: 'boolean', default: false },
    integration: { type: 'boolean', default: false },
    name: { type: 'string' },
  },
})

const selected = findTests(repositoryRoot).filter(isSelected)
process.exitCode = build() && (await runTests()) ? 0 : 1

/** A selection builds only what it needs, so that it can be run while another package is broken. */
function build(): boolean {
  const projects = words.length === 0 ? [] : new Set(selected.map(({ project }) => project))
  return runTool('tsc', ['-b', ...projects])
}

async function runTests(): Promise<boolean> {
  const unit = selected.filter(({ kind }) => kind === 'unit')
  const integration = selected.filter(({ kind }) => kind === 'integration')
  const jobs = longestFirst(integration).map((test) => () => runIntegration(test))
  if (unit.length > 0) jobs.unshift(() => runUnit(unit))
  return printTotals(await runSideBySide(jobs), print)
}

/** Runs all jobs, never more than `lanes` at once. */
async function runSideBySide(jobs: (() => Promise<TestCounts>)[]): Promise<TestCounts[]> {
  const results: TestCounts[] = []
  const runLane = async (): Promise<void> => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) results.push(await job())
  }
  await Promise.all(Array.from({ length: lanes }, runLane))
  return results
}

function isSelected({ kind, source }: TestFile): boolean {
  const isKindSelected = options.unit === options.integration || options[kind]
  return isKindSelected && (words.length === 0 || words.some((word) => source.includes(word)))
}

/** The list travels in the environment, because run() cannot pass arguments on Node 20. */
async function runUnit(tests: readonly TestFile[]): Promise<TestCounts> {
  const files = tests.map(({ compiled }) => compiled)
  const report = createReport()
  report.expectFiles(files)
  process.env['EPIC_UNIT_TESTS'] = JSON.stringify(files)
  return await runFile(unitTests, unitTimeoutMs, report)
}

async function runIntegration({ compiled }: TestFile): Promise<TestCounts> {
  const report = createReport()
  report.startFile(compiled)
  return await runFile(compiled, integrationTimeoutMs, report)
}

function createReport(): TestReport {
  return new TestReport({ root: repositoryRoot, print, isByName: options.name !== undefined })
}

async function runFile(file: string, timeout: number, report: TestReport): Promise<TestCounts> {
  const names =
    options.name === undefined ? {} : { testNamePatterns: [markerPattern, exactly(options.name)] }
  const events: AsyncIterable<TestEvent> = run({ files: [file], timeout, ...names })
  for await (const event of events) report.handleEvent(event)
  return report.finish()
}

function print(line: string): void {
  console.log(line)
}

function exactly(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`)}$`)
}
