import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { pureUtf8 } from '#src/utf8.ts'

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function nativeText(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined // Not UTF-8.
  }
}

describe('pure UTF-8', () => {
  it('writes every character as the platform does, and reads it back', () => {
    for (let point = 0; point <= 0x10ffff; point += point < 0x3000 ? 1 : 37) {
      if (point >= 0xd800 && point <= 0xdfff) continue
      const text = String.fromCodePoint(point)
      const bytes = new Uint8Array(6)
      const size = pureUtf8.encodeInto(text, bytes, 1)
      assert.deepEqual(Buffer.from(bytes.subarray(1, 1 + size)), Buffer.from(text))
      assert.equal(pureUtf8.decode(bytes, 1, 1 + size), text)
    }
  })

  it('refuses lone surrogates', () => {
    const bytes = new Uint8Array(20)
    for (const text of ['\ud800', 'a\udc00', '\udc00\ud800', '\ud800\ud800\udc00', '\ud83da']) {
      assert.equal(pureUtf8.encodeInto(text, bytes, 0), -1, JSON.stringify(text))
    }
  })

  it('reads any bytes as the platform does, strictly', () => {
    const likely = fc.constantFrom(0x61, 0x80, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf8)
    const bytes = fc.array(fc.oneof(likely, fc.nat({ max: 255 })), { maxLength: 8 })
    fc.assert(
      fc.property(bytes, (some) => {
        const array = Uint8Array.from(some)
        assert.equal(pureUtf8.decode(array, 0, array.length), nativeText(array))
      }),
      { numRuns: 5_000 },
    )
  })

  it('reads all sequences of two bytes as the platform does', () => {
    for (let pair = 0; pair < 0x10000; pair += 1) {
      const bytes = Uint8Array.of(pair >> 8, pair & 0xff)
      assert.equal(pureUtf8.decode(bytes, 0, 2), nativeText(bytes))
    }
  })

  it('reads texts that are longer than it builds at once', () => {
    const text = 'aé日😀'.repeat(3_000)
    const bytes = new Uint8Array(Buffer.from(text))
    assert.equal(pureUtf8.decode(bytes, 0, bytes.length), text)
  })
})
