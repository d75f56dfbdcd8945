import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MessageSplitter, frameOf } from '#src/message-splitter.ts'

const head = (flag: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(5)
  bytes[0] = flag
  new DataView(bytes.buffer).setUint32(1, length)
  return bytes
}

describe('message splitter', () => {
  it('finds the messages, however the stream is cut', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 })
    const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(messages, cuts, (sent, sizes) => {
        const stream = Buffer.concat(sent.map(frameOf))
        const splitter = new MessageSplitter()
        const got: Uint8Array[] = []
        for (let at = 0, i = 0; at < stream.length; i += 1) {
          const size = sizes[i % sizes.length] ?? 1
          got.push(...splitter.handleChunk(stream.subarray(at, at + size)))
          at += size
        }
        assert.deepEqual(
          got.map((message) => [...message]),
          sent.map((message) => [...message]),
        )
      }),
      { numRuns: 2_000 },
    )
  })

  it('refuses a length beyond the limit before anything of it came', () => {
    const splitter = new MessageSplitter()
    assert.deepEqual(splitter.handleChunk(head(0, 0xffff_ffff)), [])
    assert.match(splitter.problem ?? '', /4294967295 of at most/)
    assert.deepEqual(splitter.handleChunk(new Uint8Array(100)), [])
  })

  it('refuses a compressed message', () => {
    const splitter = new MessageSplitter()
    splitter.handleChunk(head(1, 3))
    assert.match(splitter.problem ?? '', /compressed/)
  })
})
