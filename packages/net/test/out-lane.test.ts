import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Sealed } from '#src/carrier.ts'
import { OutLane } from '#src/out-lane.ts'

function push(lane: OutLane, cost: number, isFirst = true): void {
  const sealed: Sealed = { lane: 2, cost, isFirst, frame: null }
  lane.waiting.push(sealed)
  lane.sealedCost += cost
}

describe('out lane', () => {
  it('begins a batch while it has any credit, and may overdraw it by that one', () => {
    const lane = new OutLane(1_000, 100)
    for (const cost of [60, 60, 60]) push(lane, cost)
    assert.ok(lane.isWritable)
    lane.take()
    assert.ok(lane.isWritable)
    lane.take()
    assert.equal(lane.credit, -20)
    assert.equal(lane.isWritable, false)
    lane.handleCredit(20)
    assert.equal(lane.isWritable, false, 'none is left yet')
    lane.handleCredit(1)
    assert.ok(lane.isWritable)
  })

  it('goes on with a batch that it has begun, without credit', () => {
    const lane = new OutLane(1_000, 10)
    push(lane, 500)
    push(lane, 0, false)
    push(lane, 1)
    lane.take()
    assert.ok(lane.isWritable, 'its second piece')
    lane.take()
    assert.equal(lane.isWritable, false, 'another batch')
  })

  it('knows what waits', () => {
    const lane = new OutLane(1_000, 10)
    push(lane, 30)
    lane.openCost = 5
    assert.equal(lane.cost, 35)
    lane.take()
    assert.equal(lane.cost, 5)
    lane.clear()
    assert.equal(lane.cost, 0)
    assert.equal(lane.take(), undefined)
  })
})
