// Runs the tests: builds, then all unit tests in one process, then each integration test in a
// process of its own (they fork nodes, open ports, and must not share what they leave behind).
//
//   npm test                                     everything
//   npm test -- packages/wire                    the tests whose path contains one of the words
//   npm test -- --unit | --integration           one kind only
//   npm test -- <file> --name "subject: claim"   one test: what a failure prints to replay it
//
// A file that runs no test fails, and so does a selection that matches none.

import { run } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { repositoryRoot, runTool } from './repository.ts'
import { findTests, markerPattern, type TestFile } from './test-files.ts'
import { type TestEvent, TestReport } from './test-report.ts'

/** A process that hangs is ended and reported; both are far above what the tests take. */
const unitTimeoutMs = 300_000
const integrationTimeoutMs = 300_000

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
  const report = new TestReport({
    root: repositoryRoot,
    print: (line) => console.log(line),
    isByName: options.name !== undefined,
  })
  report.expectFiles(selected.map(({ compiled }) => compiled))

  process.env['NODE_OPTIONS'] = `${process.env['NODE_OPTIONS'] ?? ''} --enable-source-maps`
  if (unit.length > 0) await runUnit(unit, report)
  for (const { compiled } of integration) {
    report.startFile(compiled)
    await runFile(compiled, integrationTimeoutMs, report)
  }
  return report.finish()
}

function isSelected({ kind, source }: TestFile): boolean {
  const isKindSelected = options.unit === options.integration || options[kind]
  return isKindSelected && (words.length === 0 || words.some((word) => source.includes(word)))
}

/** The list travels in the environment, because run() cannot pass arguments on Node 20. */
async function runUnit(files: readonly TestFile[], report: TestReport): Promise<void> {
  process.env['EPIC_UNIT_TESTS'] = JSON.stringify(files.map(({ compiled }) => compiled))
  await runFile(fileURLToPath(new URL('unit-tests.js', import.meta.url)), unitTimeoutMs, report)
}

async function runFile(file: string, timeout: number, report: TestReport): Promise<void> {
  const names =
    options.name === undefined ? {} : { testNamePatterns: [markerPattern, exactly(options.name)] }
  const events: AsyncIterable<TestEvent> = run({ files: [file], timeout, ...names })
  for await (const event of events) report.handleEvent(event)
}

function exactly(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`)}$`)
}
