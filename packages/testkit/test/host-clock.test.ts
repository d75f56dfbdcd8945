import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HostClock } from '#src/host-clock.ts'
import { VirtualTime } from '#src/virtual-time.ts'

function at(time: VirtualTime, instant: number): void {
  time.pass(instant)
}

test('host clock: it runs at a rate of its own, and never back', () => {
  const time = new VirtualTime()
  const clock = new HostClock(time, 1.05, 1_000)
  assert.equal(clock.monotonicMs, 1_000)
  at(time, 100)
  assert.equal(clock.monotonicMs, 1_105)
  assert.equal(clock.trueDelay(105), 100)
})

test('host clock: reading it takes time, so that code without end does not stop the world', () => {
  const time = new VirtualTime()
  const clock = new HostClock(time, 1, 0)
  const first = clock.read()
  for (let i = 0; i < 999; i += 1) clock.read()
  assert.ok(Math.abs(clock.read() - first - 1) < 1e-6)
  assert.ok(clock.trueDelay(0) > 0.99)
})

test('host clock: a stopped host keeps what arrives, and finds that time went on', () => {
  const time = new VirtualTime()
  const clock = new HostClock(time, 1, 0)
  const arrived: string[] = []
  clock.stop('stopped')
  clock.deliver(() => arrived.push('early'))
  at(time, 500)
  assert.deepEqual(arrived, [])
  assert.equal(clock.monotonicMs, 500)
  clock.resume()
  time.step(500)
  assert.deepEqual(arrived, ['early'])
})

test('host clock: a suspended machine finds its monotonic clock where it was, and the others ahead', () => {
  const time = new VirtualTime()
  const clock = new HostClock(time, 1, 0)
  at(time, 100)
  const wallMs = clock.wallMs
  clock.stop('suspended')
  at(time, 600)
  assert.deepEqual([clock.monotonicMs, clock.uptimeMs, clock.wallMs - wallMs], [100, 600, 500])
  clock.resume()
  at(time, 700)
  assert.deepEqual([clock.monotonicMs, clock.missedMs], [200, 500])
})

test('host clock: one that is set wrong is wrong by so much, however often it is set', () => {
  const clock = new HostClock(new VirtualTime(), 1, 0)
  const right = clock.wallMs
  clock.setWrong(2_000)
  clock.setWrong(-700)
  assert.equal(clock.wallMs - right, -700)
})

test('host clock: a stepped wall clock says whole milliseconds', () => {
  const time = new VirtualTime()
  const clock = new HostClock(time, 1, 0)
  at(time, 1.5)
  const before = clock.wallMs
  clock.step(-2_000)
  assert.deepEqual([clock.wallMs - before, Number.isInteger(before)], [-2_000, true])
})
