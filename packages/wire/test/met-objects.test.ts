import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MetObjects } from '#src/met-objects.ts'

describe('met objects', () => {
  it('knows each one again, whatever their number', () => {
    for (const count of [1, 7, 8, 9, 71, 72, 73, 74, 500]) {
      const objects = Array.from({ length: count }, () => ({}))
      const met = new MetObjects()
      for (const object of objects) assert.equal(met.meet(object), false)
      for (const object of objects) assert.equal(met.meet(object), true)
      assert.equal(met.meet({}), false)
    }
  })

  it('knows none after it was cleared', () => {
    const objects = Array.from({ length: 100 }, () => ({}))
    const met = new MetObjects()
    for (const object of objects) met.meet(object)
    met.clear()
    for (const object of objects) assert.equal(met.meet(object), false)
  })
})
