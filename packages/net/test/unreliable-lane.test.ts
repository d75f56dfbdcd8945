import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { UnreliableLane } from '#src/unreliable-lane.ts'

describe('unreliable lane', () => {
  it('keeps the latest of each key, in the order of the news', () => {
    const lane = new UnreliableLane<string>(10)
    for (const [message, key] of [
      ['a1', 'a'],
      ['b1', 'b'],
      ['a2', 'a'],
    ] as const)
      lane.put(message, key)
    assert.deepEqual(lane.takeAll(), ['b1', 'a2'])
    assert.equal(lane.dropped, 1)
    assert.equal(lane.size, 0)
  })

  it('drops the oldest when it is full, those without a key first', () => {
    const lane = new UnreliableLane<string>(2)
    lane.put('keyed', 'k')
    for (const message of ['one', 'two', 'three']) lane.put(message, undefined)
    assert.deepEqual(lane.takeAll(), ['three', 'keyed'])
    for (const key of ['a', 'b', 'c']) lane.put(key, key)
    assert.deepEqual(lane.takeAll(), ['b', 'c'])
    assert.equal(lane.dropped, 3)
  })

  it('loses what has no key when the link is congested', () => {
    const lane = new UnreliableLane<string>(10)
    lane.put('plain', undefined)
    lane.put('keyed', 'k')
    lane.handleCongested()
    assert.deepEqual(lane.takeAll(), ['keyed'])
    assert.equal(lane.dropped, 1)
  })
})
