import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { asciiText } from '#src/ascii.ts'
import { NameCache } from '#src/name-cache.ts'

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(`<${text}>`))
}

describe('name cache', () => {
  it('gives the name in the bytes, whatever came before', () => {
    const cache = new NameCache()
    const short = fc.string({ unit: 'grapheme-ascii', maxLength: 32 })
    fc.assert(
      fc.property(fc.array(short, { maxLength: 20 }), (names) => {
        for (const name of [...names, ...names]) {
          const bytes = bytesOf(name)
          assert.equal(cache.read(bytes, 1, bytes.length - 1), name)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('leaves long names, and those that are not ASCII, to others', () => {
    const cache = new NameCache()
    for (const name of ['x'.repeat(33), 'é', 'score\u0080']) {
      const bytes = bytesOf(name)
      for (let times = 0; times < 2; times += 1) {
        assert.equal(cache.read(bytes, 1, bytes.length - 1), undefined)
      }
    }
  })

  it('does not take one name for another of the same hash', () => {
    const cache = new NameCache()
    // 'Aa' and 'BB' collide in hashes that multiply by 31.
    for (const name of ['AaAa', 'BBBB', 'AaBB', 'BBAa', 'AaAa']) {
      const bytes = bytesOf(name)
      assert.equal(cache.read(bytes, 1, bytes.length - 1), name)
    }
  })
})

describe('ASCII text', () => {
  it('of every length is read, and refused where any byte is no ASCII', () => {
    for (let length = 0; length < 40; length += 1) {
      const bytes = Uint8Array.from({ length: length + 2 }, (_, i) => 0x40 + i)
      const text = String.fromCharCode(...bytes.subarray(1, length + 1))
      assert.equal(asciiText(bytes, 1, length + 1), text)
      for (let at = 1; at <= length; at += 1) {
        const copy = bytes.slice()
        copy[at] = 0x80
        assert.equal(asciiText(copy, 1, length + 1), undefined)
      }
    }
  })
})
