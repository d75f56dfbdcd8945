import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { describeRun, formatReport, replaceTables, type Report } from '../src/report.ts'

const report: Report = {
  bench: 'local-call',
  question: 'What does a call cost?',
  node: 'v20.20.2',
  cpus: 2,
  cpuModel: 'a CPU',
  platform: 'linux x64',
  date: '2026-11-21',
  rounds: 5,
  durationMs: 1_000,
  rows: [
    {
      case: '100 callers',
      value: 3_214_567,
      unit: 'calls/s',
      baseline: 16_000_000,
      ratio: 0.200_9,
      against: 'a method',
      spread: { min: 3_000_000, max: 3_300_000 },
      baselineSpread: { min: 15_900_000, max: 16_100_000 },
    },
    {
      case: 'bare',
      value: 43.21,
      unit: 'µs/call',
      baseline: null,
      ratio: null,
      against: null,
      spread: { min: 40, max: 50.5 },
      baselineSpread: null,
    },
  ],
  skipped: [{ case: 'Erlang', reason: 'it is not installed' }],
}

test('formatReport: a table with spread, what was skipped, and the machine', () => {
  assert.equal(
    formatReport(report),
    `### local-call

What does a call cost?

| case        | value (min–max)                 | unit    | baseline (min–max)                           | ratio |
| ----------- | ------------------------------- | ------- | -------------------------------------------- | ----- |
| 100 callers | 3,210,000 (3,000,000–3,300,000) | calls/s | a method: 16,000,000 (15,900,000–16,100,000) | 0.201 |
| bare        | 43.2 (40–50.5)                  | µs/call |                                              |       |

Skipped: Erlang: it is not installed
Node v20.20.2, 2 CPUs (a CPU), linux x64, 2026-11-21; medians of 5 rounds of 1000 ms in turns.`,
  )
})

test('describeRun: a report says on which Node and how many CPUs it was made', () => {
  const bench = { name: 'x', question: 'Why?', run: () => Promise.resolve([]) }
  const made = describeRun(bench, { rounds: 1, durationMs: 1, rows: report.rows, skipped: [] })
  assert.equal(made.bench, 'x')
  assert.equal(made.node, process.version)
  assert.ok(made.cpus >= 1)
  assert.deepEqual(made.rows, report.rows)
})

suite('replaceTables', () => {
  const begin = '<!-- tables: made by `npm run bench -- --table` from results/ -->'
  const end = '<!-- end of tables -->'

  test('keeps the text around the marks and drops the old tables', () => {
    const readme = `before\n${begin}\nold\n${end}\nafter\n`
    const tables = `${begin}\n\n${formatReport(report)}\n\n${end}`
    assert.equal(replaceTables(readme, [report]), `before\n${tables}\nafter\n`)
  })

  test('changes nothing the second time', () => {
    const once = replaceTables(`${begin}\n${end}`, [report])
    assert.equal(replaceTables(once, [report]), once)
  })

  test('complains of a text without the marks', () => {
    assert.throws(() => replaceTables('no marks', [report]), /lacks/)
    assert.throws(() => replaceTables(`${end}\n${begin}`, [report]), /lacks/)
  })
})
