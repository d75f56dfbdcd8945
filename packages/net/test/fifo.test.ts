import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Fifo } from '#src/fifo.ts'

describe('fifo', () => {
  it('does what an array does, under any pushes and takes', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer())), (steps) => {
        const fifo = new Fifo<number>()
        const model: number[] = []
        for (const step of steps) {
          if (step === null) assert.equal(fifo.take(), model.shift())
          else {
            fifo.push(step)
            model.push(step)
          }
          assert.equal(fifo.size, model.length)
          assert.equal(fifo.first, model[0])
        }
      }),
    )
  })
})
