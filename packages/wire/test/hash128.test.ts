import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import { hash128 } from '#src/hash128.ts'

function hexOf(text: string, seed = 0): string {
  const words = hash128(new Uint8Array(Buffer.from(text)), { seed })
  return [...words].map((word) => word.toString(16).padStart(8, '0')).join('')
}

describe('hash128', () => {
  it('passes the verification test of its author (SMHasher, MurmurHash3_x86_128)', () => {
    const key = new Uint8Array(256).map((_, i) => i)
    const hashes = new Uint32Array(4 * 256)
    for (let i = 0; i < 256; i += 1) {
      hashes.set(hash128(key.subarray(0, i), { seed: 256 - i }), i * 4)
    }
    assert.equal(hash128(new Uint8Array(hashes.buffer))[0], 0xb3ece62a)
  })

  it('has the published values', () => {
    assert.equal(hexOf(''), '00000000000000000000000000000000')
    assert.equal(hexOf('', 1), '88c4adec54d201b954d201b954d201b9')
    assert.equal(
      hexOf('The quick brown fox jumps over the lazy dog'),
      '2f1583c3ecee2c675d7bf66ce5e91d2c',
    )
  })

  it('does not depend on where the bytes lie, nor on what is around them', () => {
    const bytes = Uint8Array.from({ length: 99 }, (_, i) => i * 7)
    const inside = new Uint8Array(200).fill(0xee)
    inside.set(bytes, 33)
    assert.deepEqual(hash128(inside.subarray(33, 132)), hash128(bytes))
  })

  it('changes with each bit', () => {
    const bytes = new Uint8Array(37)
    const seen = new Set([hash128(bytes).join()])
    for (let bit = 0; bit < 37 * 8; bit += 1) {
      bytes[bit >> 3] = 1 << (bit & 7)
      seen.add(hash128(bytes).join())
      bytes[bit >> 3] = 0
    }
    assert.equal(seen.size, 37 * 8 + 1)
  })

  it('writes into the words it is given', () => {
    const into = new Uint32Array(4)
    assert.equal(hash128(Uint8Array.of(1), { into }), into)
    assert.deepEqual(into, hash128(Uint8Array.of(1)))
  })
})
