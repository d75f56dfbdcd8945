import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { VirtualTime } from '#src/virtual-time.ts'

test('virtual time: events run by instant, those of one instant in the order of scheduling', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 60 }), (instants) => {
      const time = new VirtualTime()
      const ran: [at: number, order: number][] = []
      instants.forEach((at, order) => time.at(at, () => ran.push([at, order])))
      while (time.step(Infinity)) assert.equal(time.now, ran.at(-1)?.[0])
      const expected = instants
        .map((at, order): [number, number] => [at, order])
        .toSorted((a, b) => a[0] - b[0] || a[1] - b[1])
      assert.deepEqual(ran, expected)
    }),
  )
})

test('virtual time: nothing runs beyond the instant asked for, and time does not pass over an event', () => {
  const time = new VirtualTime()
  let hasRun = false
  time.at(10, () => {
    hasRun = true
  })
  assert.equal(time.step(9), false)
  assert.throws(() => time.pass(11), RangeError)
  time.pass(10)
  assert.equal(hasRun, false)
  assert.equal(time.step(10), true)
  assert.equal(hasRun, true)
})

test('virtual time: a cancelled event neither runs nor counts', () => {
  const time = new VirtualTime()
  const event = time.at(1, () => assert.fail('it was cancelled'))
  time.at(2, () => undefined)
  event.cancel()
  assert.equal(time.nextAt, 2)
  assert.equal(time.step(Infinity), true)
  assert.equal(time.step(Infinity), false)
  assert.deepEqual([time.now, time.steps, time.nextAt], [2, 1, Infinity])
})

test('virtual time: an event in the past runs now', () => {
  const time = new VirtualTime()
  time.at(5, () => undefined)
  time.step(5)
  time.at(1, () => assert.equal(time.now, 5))
  assert.equal(time.step(5), true)
})
