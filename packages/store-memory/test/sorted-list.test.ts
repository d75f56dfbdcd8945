import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SortedList } from '#src/sorted-list.ts'
import fc from 'fast-check'

interface Named {
  readonly at: number
  readonly name?: string
}

describe('sorted list: its items', () => {
  it('are those of a set, in order, whatever was added and deleted', () => {
    const changes = fc.array(fc.record({ at: fc.nat(30), isAdded: fc.boolean() }))
    fc.assert(
      fc.property(changes, (steps) => {
        const list = new SortedList<number>((a, b) => a - b)
        const set = new Set<number>()
        for (const { at, isAdded } of steps) {
          if (isAdded) {
            list.add(at)
            set.add(at)
          } else {
            list.delete(at)
            set.delete(at)
          }
        }
        assert.deepEqual(
          list.items,
          [...set].toSorted((a, b) => a - b),
        )
      }),
    )
  })

  it('are replaced by the same item', () => {
    const list = new SortedList<Named>((a, b) => a.at - b.at)
    list.add({ at: 1, name: 'old' })
    list.add({ at: 1, name: 'new' })
    assert.deepEqual(list.items, [{ at: 1, name: 'new' }])
  })

  it('are placed by less than the whole item', () => {
    const list = new SortedList<Named, { at: number }>((a, b) => a.at - b.at)
    for (const at of [30, 10, 20]) list.add({ at, name: `${at}` })
    assert.deepEqual(
      [5, 10, 15, 30, 31].map((at) => list.placeOf({ at })),
      [0, 0, 1, 2, 3],
    )
  })
})
