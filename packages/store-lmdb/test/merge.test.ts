import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mergeInOrder } from '#src/merge.ts'
import fc from 'fast-check'

const byNumber = (a: number, b: number): number => a - b

describe('merge: of ordered sequences', () => {
  it('is all of them in order', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(50))), (lists) => {
        const sequences = lists.map((list) => list.toSorted(byNumber))
        assert.deepEqual([...mergeInOrder(sequences, byNumber)], lists.flat().toSorted(byNumber))
      }),
    )
  })

  it('reads no more than is asked for, and ends what it began', () => {
    let read = 0
    let ended = 0
    function* naturals(): Generator<number> {
      try {
        for (let i = 0; ; i += 1) {
          read += 1
          yield i
        }
      } finally {
        ended += 1
      }
    }
    const merged = mergeInOrder([naturals(), naturals(), naturals()], byNumber)
    const taken: number[] = []
    for (const item of merged) {
      taken.push(item)
      if (taken.length === 4) break
    }
    assert.deepEqual([taken, read, ended], [[0, 0, 0, 1], 6, 3])
  })

  it('of nothing is nothing', () => {
    assert.deepEqual([...mergeInOrder<number>([], byNumber)], [])
    assert.deepEqual([...mergeInOrder([[], [], [1]], byNumber)], [1])
  })
})
