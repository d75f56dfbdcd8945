import assert from 'node:assert/strict'
import { test } from 'node:test'
import { markerOf } from '../test-files.ts'
import { printTotals, TestReport } from '../test-report.ts'

const file = '/repo/packages/wire/dist-test/frame.test.js'

function reportOf(...events: readonly [type: string, data: object][]): {
  isGood: boolean
  lines: string[]
} {
  const lines: string[] = []
  const report = new TestReport({ root: '/repo', print: (line) => lines.push(...line.split('\n')) })
  report.startFile(file)
  for (const [type, data] of events) {
    report.handleEvent({ type, data: { nesting: 0, details: {}, ...data } })
  }
  const isGood = printTotals([report.finish()], (line) => lines.push(...line.split('\n')))
  return { isGood, lines }
}

const failed = (error: Error): object => ({ details: { error: { cause: error } } })
const subtestsFailed = { details: { error: { failureType: 'subtestsFailed' } } }

test('test report: a passed test counts for its file', () => {
  const { isGood, lines } = reportOf(['test:start', { name: 'a' }], ['test:pass', { name: 'a' }])
  assert.equal(isGood, true)
  assert.deepEqual(lines, [
    'ok   packages/wire/test/frame.test.ts  1 tests, 0 ms',
    '',
    '1 passed, 0 failed',
  ])
})

test('test report: a failure prints the command that replays it', () => {
  const name = "frame: it's cut"
  const { isGood, lines } = reportOf(['test:fail', { name, ...failed(new Error('boom')) }])
  assert.equal(isGood, false)
  const replay = `npm test -- packages/wire/test/frame.test.ts --name 'frame: it'\\''s cut'`
  assert.ok(lines.includes(`  replay: ${replay}`), lines.join('\n'))
})

test('test report: a failed subtest counts once and is replayed by the test around it', () => {
  const { lines } = reportOf(
    ['test:start', { name: 'outer' }],
    ['test:start', { name: 'inner', nesting: 1 }],
    ['test:fail', { name: 'inner', nesting: 1, ...failed(new Error('boom')) }],
    ['test:fail', { name: 'outer', ...subtestsFailed }],
  )
  assert.ok(lines.includes('FAILED outer › inner'))
  assert.ok(lines.some((line) => line.endsWith("--name 'outer'")))
  assert.equal(lines.at(-1), '0 passed, 1 failed')
})

test('test report: a file without a test fails', () => {
  const { isGood, lines } = reportOf(['test:pass', { name: file }])
  assert.equal(isGood, false)
  assert.ok(lines.includes('FAILED packages/wire/test/frame.test.ts'))
  assert.ok(lines.includes('  replay: npm test -- packages/wire/test/frame.test.ts'))
})

test('test report: an expected file from which nothing is heard fails', () => {
  const lines: string[] = []
  const report = new TestReport({ root: '/repo', print: (line) => lines.push(line) })
  report.expectFiles([file])
  assert.equal(report.finish().failed.length, 1)
  assert.ok(lines.includes('FAILED packages/wire/test/frame.test.ts'))
})

test('test report: where tests are chosen by name, a file may run none', () => {
  const lines: string[] = []
  const print = (line: string): number => lines.push(line)
  const report = new TestReport({ root: '/repo', print, isByName: true })
  report.expectFiles([file])
  report.startFile('/repo/packages/kernel/dist-test/locks.test.js')
  report.handleEvent({ type: 'test:pass', data: { name: 'a', nesting: 0, details: {} } })
  assert.deepEqual(report.finish().failed, [])
  assert.equal(lines[0], 'ok   packages/kernel/test/locks.test.ts  1 tests, 0 ms')
})

test('test report: a marker says whose tests come next, wherever they were written', () => {
  const other = '/repo/packages/kernel/dist-test/locks.test.js'
  const { lines } = reportOf(
    ['test:pass', { name: 'a' }],
    ['test:pass', { name: markerOf(other) }],
    ['test:pass', { name: 'b' }],
  )
  assert.deepEqual(lines, [
    'ok   packages/wire/test/frame.test.ts  1 tests, 0 ms',
    'ok   packages/kernel/test/locks.test.ts  1 tests, 0 ms',
    '',
    '2 passed, 0 failed',
  ])
})

test('test report: a run in which everything was skipped fails', () => {
  const { isGood, lines } = reportOf(['test:pass', { name: 'a', skip: 'no disk' }])
  assert.equal(isGood, false)
  assert.deepEqual(lines.slice(2), ['', 'No test ran', '0 passed, 0 failed, 1 skipped'])
})

test('test report: each skipped test is named with its reason', () => {
  const { lines } = reportOf(
    ['test:pass', { name: 'a', skip: 'no disk' }],
    ['test:pass', { name: 'b', todo: true }],
  )
  assert.equal(lines[0], 'skip packages/wire/test/frame.test.ts  a: no disk')
  assert.equal(lines[1], 'skip packages/wire/test/frame.test.ts  b: no reason given')
})

test('test report: what a process printed is shown if something failed in it, and only then', () => {
  const printed: [string, object] = ['test:stderr', { message: 'node 3 ended\n' }]
  assert.ok(!reportOf(printed, ['test:pass', { name: 'a' }]).lines.includes('node 3 ended'))
  const { lines } = reportOf(printed, ['test:fail', { name: 'a', ...failed(new Error('boom')) }])
  assert.ok(lines.includes('node 3 ended'))
})

test('test report: failures are named once more at the end, where they are not overlooked', () => {
  const { lines } = reportOf(['test:fail', { name: 'a', ...failed(new Error('boom')) }])
  assert.deepEqual(lines.slice(-3), [
    'FAILED a',
    "  replay: npm test -- packages/wire/test/frame.test.ts --name 'a'",
    '0 passed, 1 failed',
  ])
})
