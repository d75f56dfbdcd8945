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

  it('that is too much with one at a time has longer pauses, up to a bound, and shorter ones again', () => {
    const pace = paceAfter(0)
    const stretches = [0, 1, 2, 3, 4, 5, 6].map((begunAt) => {
      pace.handleMoved({ begunAt, transferMs: 11 }, begunAt)
      return pace.stretch
    })
    assert.deepEqual(stretches, [1, 1, 2, 4, 8, 8, 8])
    assert.equal(pace.atOnce, 1)
    for (let i = 7; i < 11; i += 1) pace.handleMoved({ begunAt: i, transferMs: 2 }, i)
    assert.ok(pace.stretch < 4 && pace.stretch > 2, String(pace.stretch))
  })
})
