import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Allowance } from '#src/cluster/allowance.ts'

/** How many are taken, asking for as many as there are, at each of these instants. */
function takenAt(perSecond: number, instants: readonly number[]): number[] {
  const allowance = new Allowance({ perSecond: () => perSecond, keptMs: 20 })
  return instants.map((now) => {
    let taken = 0
    while (allowance.take(now)) taken += 1
    return taken
  })
}

describe('allowance', () => {
  it('gives what a second has room for, evenly', () => {
    assert.deepEqual(takenAt(200, [0, 10, 20, 30, 40]), [1, 2, 2, 2, 2])
  })

  it('of less than one in a while gives one when its time has come', () => {
    assert.deepEqual(takenAt(50, [0, 10, 20, 30, 40, 50]), [1, 0, 1, 0, 1, 0])
  })

  it('keeps what is left for a moment, not for longer', () => {
    assert.deepEqual(takenAt(200, [0, 10_000, 10_010]), [1, 4, 2])
  })

  it('follows its rate', () => {
    let perSecond = 100
    const allowance = new Allowance({ perSecond: () => perSecond, keptMs: 20 })
    assert.ok(allowance.take(0) && allowance.take(10) && !allowance.take(10))
    perSecond = 1_000
    assert.ok(allowance.take(11) && !allowance.take(11))
  })
})
