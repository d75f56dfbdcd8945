import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RefObject } from '#src/model/ref.ts'
import { Returns } from '#src/cluster/returns.ts'

// Only told apart here.
const [ref, other] = [{}, {}] as unknown as [RefObject, RefObject]
const there = { host: 'n2', epoch: 7n }

describe('returns', () => {
  it('knows nothing of what has not gone back', () => {
    const returns = new Returns()
    returns.note(other, 'normal', there)
    returns.note(ref, 'high', there)
    assert.equal(returns.find(ref, 'normal'), undefined)
  })

  it('sends what follows after what went back, with the last word of where to go', () => {
    const returns = new Returns()
    returns.note(ref, 'normal', undefined)
    returns.note(ref, 'normal', there)
    assert.deepEqual(returns.find(ref, 'normal')?.to, there)
  })

  it('ends lane by lane, when the sweep of that lane comes by', () => {
    const returns = new Returns()
    returns.note(ref, 'normal', there)
    returns.note(ref, 'low', there)
    returns.clear(ref, 'normal')
    returns.clear(ref, 'normal')
    assert.equal(returns.find(ref, 'normal'), undefined)
    assert.deepEqual(returns.find(ref, 'low')?.to, there)
    returns.clear(ref, 'low')
    assert.equal(returns.find(ref, 'low'), undefined)
  })
})
