import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Activation, EntityType, type Timer } from '@epicserver/kernel'
import fc from 'fast-check'
import { TimerWheel } from '#src/timers.ts'
import { classPlan } from './driver.ts'

const DAY = 86_400_000
const YEAR = 365 * DAY
const activation = new Activation(new EntityType(classPlan('Room')), 'a', 1n, 0, 600)

function timer(dueAt: number, key = 'tick'): Timer {
  return {
    activation,
    key,
    operation: 'tick',
    args: [],
    closure: null,
    intervalMs: 0,
    timesLeft: 1,
    dueAt,
    order: 0,
    slot: null,
  }
}

describe('timer wheel: a timer', () => {
  it('fires at the first advance that is not before its time, at any distance', () => {
    for (const dueAt of [0, 0.5, 7, 8, 2047, 2048, 524_288, 3 * DAY, 30 * DAY, YEAR, 3 * YEAR]) {
      const wheel = new TimerWheel(0)
      const set = timer(dueAt)
      wheel.set(set)
      if (dueAt > 0) assert.deepEqual(wheel.advance(dueAt - 0.25), [], `${dueAt}`)
      assert.deepEqual(wheel.advance(dueAt), [set], `${dueAt}`)
      assert.equal(wheel.size, 0)
    }
  })

  it('that is due already fires at the next advance', () => {
    const wheel = new TimerWheel(5000)
    const late = timer(100)
    wheel.set(late)
    assert.equal(wheel.nextAt, 100)
    assert.deepEqual(wheel.advance(5000), [late])
  })

  it('that is cancelled does not fire; cancelling it again is no error', () => {
    const wheel = new TimerWheel(0)
    const timers = [timer(10), timer(10_000), timer(YEAR)]
    for (const each of timers) wheel.set(each)
    for (const each of [...timers, ...timers]) wheel.cancel(each)
    assert.equal(wheel.size, 0)
    assert.deepEqual(wheel.advance(2 * YEAR), [])
  })

  it('fires in the order of setting among those of one instant', () => {
    const wheel = new TimerWheel(0)
    const [far, near] = [timer(5000), timer(5000)]
    wheel.set(far)
    wheel.advance(4990)
    wheel.set(near)
    assert.deepEqual(wheel.advance(5000), [far, near])
  })

  it('never due waits without end', () => {
    const wheel = new TimerWheel(0)
    wheel.set(timer(Infinity))
    assert.deepEqual(wheel.advance(10 * YEAR), [])
    assert.equal(wheel.size, 1)
  })
})

describe('timer wheel: time', () => {
  it('may stand still or go back, and nothing fires twice', () => {
    const wheel = new TimerWheel(1000)
    const [first, second] = [timer(1010), timer(1020)]
    wheel.set(first)
    wheel.set(second)
    assert.deepEqual(wheel.advance(1010), [first])
    assert.deepEqual(wheel.advance(1010), [])
    assert.deepEqual(wheel.advance(900), [])
    assert.deepEqual(wheel.advance(1020), [second])
  })

  it('says when the next timer fires: exactly when that is near, and never too late', () => {
    const wheel = new TimerWheel(0)
    wheel.set(timer(1501))
    assert.equal(wheel.nextAt, 1501)
    wheel.set(timer(1500))
    assert.equal(wheel.nextAt, 1500)
    wheel.advance(1500)
    assert.equal(wheel.nextAt, 1501)
    wheel.advance(1501)
    assert.equal(wheel.nextAt, Infinity)
  })

  it('leads to a far timer in few looks, if each look is at the time that it says', () => {
    const wheel = new TimerWheel(123)
    const far = timer(300 * DAY + 0.5)
    wheel.set(far)
    let looks = 0
    for (let due: Timer[] = []; due.length === 0; looks += 1) {
      assert.ok(wheel.nextAt <= far.dueAt)
      due = wheel.advance(wheel.nextAt)
    }
    assert.ok(looks <= 6, `${looks} looks`)
  })

  it('fires what a sorted list fires, in the same order, over hours and months', () => {
    const span = fc.oneof(fc.nat(40), fc.nat(5000), fc.nat(DAY), fc.nat(2 * YEAR))
    const fraction = fc.constantFrom(0, 0.25, 0.5)
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ set: span, fraction }) },
      { weight: 2, arbitrary: fc.record({ pass: span, fraction }) },
      { weight: 1, arbitrary: fc.record({ cancel: fc.nat() }) },
    )
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 150, size: 'max' }),
        fc.nat(2 * YEAR),
        (steps, start) => {
          const wheel = new TimerWheel(start)
          let model: Timer[] = []
          let now = start
          for (const each of steps) {
            if ('set' in each) {
              const set = timer(now + each.set + each.fraction)
              model.push(set)
              wheel.set(set)
            } else if ('cancel' in each) {
              const [cancelled] = model.splice(each.cancel % Math.max(1, model.length), 1)
              if (cancelled !== undefined) wheel.cancel(cancelled)
            } else {
              now += each.pass + each.fraction
              const due = model.filter(({ dueAt }) => dueAt <= now)
              model = model.filter(({ dueAt }) => dueAt > now)
              assert.deepEqual(
                wheel.advance(now),
                due.toSorted((a, b) => a.dueAt - b.dueAt),
              )
            }
            assert.equal(wheel.size, model.length)
            assert.ok(wheel.nextAt <= Math.min(...model.map(({ dueAt }) => dueAt)))
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
