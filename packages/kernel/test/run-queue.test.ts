import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Priority } from '@epicserver/kernel'
import { RunQueue } from '#src/run-queue.ts'
import { classPlan, Driver, operation, type TestCall } from './driver.ts'

const driver = new Driver({ types: [classPlan('Room')] })
const plans = {
  high: operation('high', { priority: 'high' }),
  normal: operation('normal'),
  low: operation('low', { priority: 'low' }),
}

function call(priority: Priority): TestCall {
  return driver.make('Room/a', plans[priority])
}

/** How many of each lane come in so many turns when all given lanes are flooded. */
function shares(turns: number, lanes: readonly Priority[]): Record<string, number> {
  const queue = new RunQueue()
  const taken: Record<string, number> = {}
  for (let i = 0; i < turns; i += 1) {
    for (const lane of lanes) queue.push(call(lane))
    const { name } = (queue.take() as TestCall).operation
    taken[name] = (taken[name] ?? 0) + 1
  }
  return taken
}

describe('run queue: its lanes', () => {
  it('go by priority, and by arrival within each', () => {
    const queue = new RunQueue()
    const calls = (['low', 'normal', 'high', 'low', 'normal', 'high'] as const).map(call)
    for (const each of calls) queue.push(each)
    const taken = [2, 5, 1, 4, 0, 3].map((index) => calls[index])
    assert.deepEqual(
      taken.map(() => queue.take()),
      taken,
    )
    assert.equal(queue.take(), undefined)
    assert.equal(queue.size, 0)
  })

  it('stop no other lane by a flood in two of them', () => {
    assert.deepEqual(shares(160, ['high', 'normal', 'low']), { high: 140, normal: 10, low: 10 })
    assert.deepEqual(shares(160, ['high', 'normal']), { high: 140, normal: 20 })
    assert.deepEqual(shares(160, ['normal', 'low']), { normal: 150, low: 10 })
  })
})

describe('run queue: the calls of one entity', () => {
  it('can be taken out; the others keep their order', () => {
    const [a, b] = [driver.activate('Room/a'), driver.activate('Room/b')]
    const queue = new RunQueue()
    const calls = (['low', 'normal', 'high', 'normal', 'normal'] as const).map(call)
    for (const [index, each] of calls.entries()) {
      each.activation = index === 3 ? b : a
      queue.push(each)
    }
    assert.deepEqual(queue.takeAllOf(a), [calls[2], calls[1], calls[4], calls[0]])
    assert.deepEqual([...queue], [calls[3]])
  })
})
