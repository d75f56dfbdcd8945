import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Deadlines } from '#src/deadlines.ts'
import { classPlan, Driver, operation, TestCall } from './driver.ts'

const driver = new Driver({ types: [classPlan('Room')] })

function call(timeoutMs: number, parent?: TestCall): TestCall {
  return new TestCall(driver.kernel, 'Room/a', operation('go', { timeoutMs }), { parent })
}

/** A running turn whose own deadline is at `deadlineAt`. */
function turn(deadlineAt: number): TestCall {
  const running = driver.start('Room/a', operation('go'))
  running.deadlineAt = deadlineAt
  return running
}

describe('deadlines: a call', () => {
  it('expires at its timeout, not a moment before', () => {
    const deadlines = new Deadlines(0)
    const late = call(100)
    deadlines.add(late, 5)
    assert.equal(late.deadlineAt, 105)
    assert.deepEqual(deadlines.takeExpired(104.9), [])
    assert.deepEqual(deadlines.takeExpired(105), [late])
    assert.equal(deadlines.size, 0)
  })

  it('expires no later than the turn that waits for it, and is found at once then', () => {
    const deadlines = new Deadlines(0)
    const [earlier, inherited] = [call(30_000), call(30_000, turn(70))]
    deadlines.add(earlier, 0)
    deadlines.add(inherited, 0)
    assert.equal(inherited.deadlineAt, 70)
    assert.deepEqual(deadlines.takeExpired(70), [inherited])
  })

  it('has its own time where the turn has more, none, or is over', () => {
    const deadlines = new Deadlines(0)
    const over = turn(50)
    driver.end(over)
    for (const parent of [turn(500), turn(Infinity), over]) {
      const made = call(100, parent)
      deadlines.add(made, 0)
      assert.equal(made.deadlineAt, 100)
    }
  })

  it('whose deadline has passed when it is made expires at the next look', () => {
    const deadlines = new Deadlines(0)
    deadlines.takeExpired(10_000)
    const late = call(100, turn(70))
    deadlines.add(late, 10_000)
    assert.deepEqual(deadlines.takeExpired(10_000), [late])
  })

  it('that is removed does not expire; removing it again is no error', () => {
    const deadlines = new Deadlines(0)
    const calls = [call(100), call(100), call(100)]
    for (const each of calls) deadlines.add(each, 0)
    deadlines.remove(calls[1] as TestCall)
    deadlines.remove(calls[1] as TestCall)
    assert.deepEqual(deadlines.takeExpired(100), [calls[0], calls[2]])
  })

  it('without an end never expires', () => {
    const deadlines = new Deadlines(0)
    const endless = call(Infinity)
    deadlines.add(endless, 0)
    assert.deepEqual(deadlines.takeExpired(1e12), [])
    deadlines.remove(endless)
    assert.equal(deadlines.size, 0)
  })
})

describe('deadlines: the wheel', () => {
  it('finds what a sorted list finds, in the same order, over any pauses', () => {
    const time = fc.oneof(fc.nat(50), fc.nat(40_000), fc.nat(10_000_000))
    const add = fc.record({ timeoutMs: fc.oneof(fc.nat(200), fc.nat(100_000)) })
    const step = fc.oneof(
      { weight: 4, arbitrary: add },
      fc.record({ pass: time }),
      fc.record({ remove: fc.nat() }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), fc.nat(1e9), (steps, start) => {
        const deadlines = new Deadlines(start)
        let model: TestCall[] = []
        let now = start
        for (const each of steps) {
          if ('timeoutMs' in each) {
            model.push(call(each.timeoutMs))
            deadlines.add(model.at(-1) as TestCall, now)
          } else if ('remove' in each) {
            const [removed] = model.splice(each.remove % Math.max(1, model.length), 1)
            if (removed !== undefined) deadlines.remove(removed)
          } else {
            now += each.pass
            const due = model.filter((other) => other.deadlineAt <= now)
            model = model.filter((other) => other.deadlineAt > now)
            assert.deepEqual(
              deadlines.takeExpired(now),
              due.toSorted((a, b) => a.deadlineAt - b.deadlineAt),
            )
          }
          assert.equal(deadlines.size, model.length)
        }
      }),
    )
  })
})
