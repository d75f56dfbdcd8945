import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { microsecondsEach, perSecond, runClosedLoop } from '../src/closed-loop.ts'

const load = { operation: 'increment', inFlight: 3, targets: 3, durationMs: 5 }

/** Resolves in the next turn of the event loop, as an answer from elsewhere would. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

suite('closed loop', () => {
  test('keeps as many calls under way as it was asked for, and never more', async () => {
    let underWay = 0
    let most = 0
    await runClosedLoop(async () => {
      underWay += 1
      most = Math.max(most, underWay)
      await nextTurn()
      underWay -= 1
    }, load)
    assert.equal(most, 3)
    assert.equal(underWay, 0)
  })

  test('counts the calls that were answered', async () => {
    let answered = 0
    const { operations, elapsedMs } = await runClosedLoop(async () => {
      await nextTurn()
      answered += 1
    }, load)
    assert.equal(operations, answered)
    assert.ok(operations >= 3)
    assert.ok(elapsedMs > 0)
  })

  test('ends though its calls never leave the microtask queue', async () => {
    const { operations } = await runClosedLoop(() => Promise.resolve(), load)
    assert.equal(operations % 1024, 2, 'the other two callers finish the call they are in')
  })

  test('few callers walk over all targets', async () => {
    const called: number[] = []
    const call = (target: number): Promise<void> => {
      called.push(target)
      return nextTurn()
    }
    await runClosedLoop(call, { ...load, inFlight: 2, targets: 6 })
    assert.deepEqual(called.slice(0, 2), [0, 1])
    assert.ok(called.every((target, i) => i < 2 || target === ((called[i - 2] ?? 0) + 2) % 6))
  })

  test('a call that fails fails the measurement', async () => {
    const call = (): Promise<void> => Promise.reject(new Error('refused'))
    await assert.rejects(runClosedLoop(call, load), /refused/)
  })
})

test('perSecond: 500 operations in a quarter of a second are 2,000 a second', () => {
  assert.equal(perSecond({ operations: 500, elapsedMs: 250 }), 2_000)
})

test('microsecondsEach: overlapping calls each take their share of the time', () => {
  assert.equal(microsecondsEach({ operations: 1_000, elapsedMs: 100 }, 1), 100)
  assert.equal(microsecondsEach({ operations: 1_000, elapsedMs: 100 }, 10), 1_000)
})
