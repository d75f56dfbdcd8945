import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BatchReader, encodeBatch } from '../src/baselines/batch-framing.ts'

const message = fc.tuple(fc.nat(), fc.string(), fc.string(), fc.integer())
const batches = fc.array(fc.array(message, { minLength: 1 }), { maxLength: 8 })
const chunkLengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 })

test('batches: what was sent is read, however the stream is cut', () => {
  fc.assert(
    fc.property(batches, chunkLengths, (sent, lengths) => {
      const stream = Buffer.concat(sent.map(encodeBatch))
      const received: unknown[] = []
      const reader = new BatchReader<unknown>((messages) => received.push(messages))
      for (let at = 0, i = 0; at < stream.length; i += 1) {
        const length = lengths[i % lengths.length] ?? 1
        reader.push(stream.subarray(at, at + length))
        at += length
      }
      assert.deepEqual(received, sent)
    }),
  )
})
