import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MovePace } from '#src/cluster/move-pace.ts'

function paceAfter(quick: number): MovePace {
  const pace = new MovePace({ atOnceMax: 32, slowMs: 10 })
  for (let i = 0; i < quick; i += 1) pace.handleMoved({ begunAt: i, transferMs: 2 }, i)
  return pace
}

describe('pace of moves', () => {
  it('grows by one with each round of quick ones', () => {
    assert.equal(paceAfter(0).atOnce, 4)
    assert.equal(paceAfter(5).atOnce, 5)
    assert.equal(paceAfter(11).atOnce, 6)
  })

  it('does not grow above its most', () => {
    assert.equal(paceAfter(10_000).atOnce, 32)
  })

  it('is halved by a slow one, and not again by those that were under way with it', () => {
    const pace = paceAfter(10_000)
    pace.handleMoved({ begunAt: 10_000, transferMs: 11 }, 10_020)
    assert.equal(pace.atOnce, 16)
    pace.handleMoved({ begunAt: 10_010, transferMs: 30 }, 10_040)
    assert.equal(pace.atOnce, 16)
    pace.handleMoved({ begunAt: 10_021, transferMs: 30 }, 10_051)
    assert.equal(pace.atOnce, 8)
  })

  it('never falls below one', () => {
    const pace = paceAfter(0)
    for (let i = 0; i < 100; i += 1) pace.handleMoved({ begunAt: i, transferMs: 11 }, i)
    assert.equal(pace.atOnce, 1)
  })
})
