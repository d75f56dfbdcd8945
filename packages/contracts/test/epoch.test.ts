import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatEpoch, makeEpoch, partitionEpochOf } from '@epicserver/contracts'

describe('epoch: of an activation', () => {
  it('grows with the counter, and beyond any counter with the view', () => {
    const epochs = [
      makeEpoch(0, 0),
      makeEpoch(0, 1),
      makeEpoch(0, 0xffff_ffff),
      makeEpoch(1, 0),
      makeEpoch(0xffff_ffff, 0xffff_ffff),
    ]
    for (const [i, epoch] of epochs.slice(1).entries()) assert.ok(epoch > (epochs[i] ?? 0n))
  })

  it('fits in 64 bits at its largest', () => {
    assert.equal(makeEpoch(0xffff_ffff, 0xffff_ffff), 0xffff_ffff_ffff_ffffn)
  })

  it('tells its view', () => {
    assert.equal(partitionEpochOf(makeEpoch(7, 0xffff_ffff)), 7)
  })

  it('prints as view.counter', () => {
    assert.equal(formatEpoch(makeEpoch(7, 12)), '7.12')
    assert.equal(formatEpoch(makeEpoch(0, 0xffff_ffff)), '0.4294967295')
  })
})
