import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { nodeUtf8 } from '#src/node-utf8.ts'

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

describe('native UTF-8', () => {
  it('writes any text at an offset, and reads it back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(9), (text, offset) => {
        const bytes = new Uint8Array(text.length * 3 + 10)
        const size = nodeUtf8.encodeInto(text, bytes, offset)
        assert.equal(decoder.decode(bytes.subarray(offset, offset + size)), text)
        assert.equal(nodeUtf8.decode(bytes, offset, offset + size), text)
      }),
    )
  })

  it('writes into a view that begins within a larger buffer', () => {
    const memory = new Uint8Array(20)
    assert.equal(nodeUtf8.encodeInto('äb', memory.subarray(8), 2), 3)
    assert.deepEqual([...memory.subarray(9, 14)], [0, 0xc3, 0xa4, 0x62, 0])
  })

  it('refuses a lone surrogate, and bytes that are no text', () => {
    const bytes = new Uint8Array(20)
    for (const text of ['\ud800', 'a\udc00b', '\udc00\ud800'])
      assert.equal(nodeUtf8.encodeInto(text, bytes, 0), -1)
    for (const wrong of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]])
      assert.equal(nodeUtf8.decode(Uint8Array.from(wrong), 0, wrong.length), undefined)
  })

  it('keeps a byte order mark, which is a character like others', () => {
    const bytes = new Uint8Array(9)
    const size = nodeUtf8.encodeInto('\ufeffa', bytes, 0)
    assert.equal(nodeUtf8.decode(bytes, 0, size), '\ufeffa')
  })
})
