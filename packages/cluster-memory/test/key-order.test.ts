import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compareKeys, placeOf } from '#src/key-order.ts'

describe('key order', () => {
  it('is that of the UTF-8 bytes', () => {
    const text = fc.string({ unit: 'binary', maxLength: 6 })
    fc.assert(
      fc.property(text, text, (a, b) => {
        assert.equal(Math.sign(compareKeys(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)))
      }),
      { numRuns: 2_000 },
    )
  })

  it('puts what has a surrogate pair above all that has none', () => {
    assert.ok(compareKeys('\uffff', '\u{10000}') < 0)
    assert.deepEqual(['\u{10000}', '\uffff'], ['\uffff', '\u{10000}'].toSorted())
  })

  it('finds the place of a key, and the place where one would go', () => {
    const sorted = ['a', 'c', '\uffff', '\u{10000}']
    assert.deepEqual(
      ['a', 'b', 'c', '\u{10000}', '\u{10001}'].map((key) => placeOf(key, sorted)),
      [0, 1, 1, 3, 4],
    )
  })
})
