import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inSlices } from '#src/cluster/slices.ts'
import { ManualClock } from '../rig.ts'

describe('slices', () => {
  it('visit each, in order, and make way when a slice is over', async () => {
    let now = 0
    let pauses = 0
    const clock = {
      monotonicMs: () => now,
      setTimer: (run: () => void) => {
        pauses += 1
        queueMicrotask(run)
        return { cancel: () => undefined }
      },
    }
    const visited: number[] = []
    // Each takes half a millisecond, so that four fill a slice.
    await inSlices([1, 2, 3, 4, 5, 6, 7, 8, 9], { clock, visitsBetweenLooks: 2 }, (item) => {
      visited.push(item)
      now += 0.5
    })
    assert.deepEqual(visited, [1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert.equal(pauses, 2)
  })

  it('do not wait where time stands still', async () => {
    const visited: number[] = []
    const clock = new ManualClock()
    await inSlices([1, 2, 3], { clock, visitsBetweenLooks: 1 }, (item) => visited.push(item))
    assert.deepEqual(visited, [1, 2, 3])
  })
})
