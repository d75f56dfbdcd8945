import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Fifo } from '#src/fifo.ts'

describe('fifo', () => {
  it('behaves as an array does, however it grows and turns over', () => {
    const pushes = fc.record({ push: fc.nat(200) })
    const takes = fc.record({ take: fc.nat(200) })
    const filters = fc.record({ takeAll: fc.integer({ min: 2, max: 5 }) })
    fc.assert(
      fc.property(
        fc.array(fc.oneof(pushes, takes, filters), { maxLength: 50, size: 'max' }),
        (steps) => {
          const fifo = new Fifo<number>()
          let model: number[] = []
          let count = 0
          for (const step of steps) {
            if ('push' in step) {
              for (let i = 0; i < step.push; i += 1) {
                count += 1
                fifo.push(count)
                model.push(count)
              }
            } else if ('take' in step) {
              for (let i = 0; i < step.take; i += 1) assert.equal(fifo.take(), model.shift())
            } else {
              const isMeant = (item: number): boolean => item % step.takeAll === 0
              assert.deepEqual(fifo.takeAll(isMeant), model.filter(isMeant))
              model = model.filter((item) => !isMeant(item))
            }
            assert.equal(fifo.size, model.length)
            assert.deepEqual([...fifo], model)
          }
        },
      ),
    )
  })
})
