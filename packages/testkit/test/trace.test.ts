import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Trace } from '#src/trace.ts'

function traceOf(...whats: string[]): Trace {
  const trace = new Trace(() => 1)
  for (const what of whats) trace.add('n1', what)
  return trace
}

test('trace: equal runs have equal hashes, and others have others', () => {
  assert.equal(traceOf('a', 'b').hash, traceOf('a', 'b').hash)
  const others = [traceOf('b', 'a'), traceOf('ab'), traceOf('a', 'b', 'c'), traceOf('a')]
  for (const other of others) assert.notEqual(other.hash, traceOf('a', 'b').hash)
})

test('trace: the last entries are kept, oldest first', () => {
  const trace = new Trace(() => 1)
  for (let i = 0; i < 10_000; i += 1) trace.add('', `entry ${i}`)
  assert.equal(trace.size, 10_000)
  assert.deepEqual(
    trace.lines(2).map((line) =>
      line
        .trim()
        .split(/\s{2,}/)
        .at(-1),
    ),
    ['entry 9998', 'entry 9999'],
  )
  assert.equal(trace.lines().length, 4_096)
})
