import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { comparePlaces, decodePlace, encodePlace, idBytes } from '#src/row-place.ts'
import fc from 'fast-check'

const anyPlace = fc.record({
  key: fc.uint8Array({ maxLength: 300 }),
  id: fc.uint8Array({ maxLength: 20 }),
})

describe('row place: as bytes', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(anyPlace, (place) => {
        assert.deepEqual(decodePlace(encodePlace(place)), { ...place })
      }),
    )
  })
})

describe('row place: its order', () => {
  it('is that of the key, then that of the id', () => {
    fc.assert(
      fc.property(anyPlace, anyPlace, (a, b) => {
        const expected = Buffer.compare(a.key, b.key) || Buffer.compare(a.id, b.id)
        assert.equal(Math.sign(comparePlaces(a, b)), expected)
      }),
    )
  })
})

describe('row place: an id', () => {
  it('is its UTF-8', () => {
    for (const id of ['a', 'é', '日本', '😀', '\uffff']) {
      assert.deepEqual(Buffer.from(idBytes(id)), Buffer.from(id))
    }
  })
})
