import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ByteReader, ByteWriter } from '#src/record-bytes.ts'

function written(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter()
  write(writer)
  return writer.finish()
}

describe('record bytes: a count', () => {
  it('takes 7 bits a byte, lowest first', () => {
    assert.deepEqual([...written((writer) => writer.count(127))], [127])
    assert.deepEqual([...written((writer) => writer.count(300))], [0xac, 0x02])
  })

  it('comes back for any whole number', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (count) => {
        const reader = new ByteReader(written((writer) => writer.count(count)))
        return reader.count(Number.MAX_SAFE_INTEGER) === count && reader.isAtEnd && !reader.failed
      }),
    )
  })

  it('above what is allowed fails the reader', () => {
    const reader = new ByteReader(written((writer) => writer.count(11)))
    assert.equal(reader.count(10), 0)
    assert.equal(reader.failed, true)
  })
})

describe('record bytes: a text', () => {
  it('is UTF-8 with its length before it', () => {
    const bytes = written((writer) => writer.text('aé€😀'))
    assert.deepEqual([...bytes.slice(1)], [...Buffer.from('aé€😀')])
    assert.equal(bytes[0], bytes.length - 1)
  })

  it('comes back for any text, half surrogate pairs too', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const reader = new ByteReader(written((writer) => writer.text(text)))
        return reader.text(1_000_000) === text && reader.isAtEnd && !reader.failed
      }),
    )
    const half = new ByteReader(written((writer) => writer.text('\ud800')))
    assert.equal(half.text(10), '\ud800')
  })

  it('that is cut short, or longer than it says, fails the reader', () => {
    for (const bytes of [
      [5, 97],
      [1, 0xc3, 0xa9],
      [2, 0xe2, 0x82],
      [1, 0x80],
      [1, 0xff],
    ]) {
      const reader = new ByteReader(Uint8Array.from(bytes))
      reader.text(100)
      assert.equal(reader.failed, true, bytes.join(' '))
    }
  })
})

describe('record bytes: any bytes', () => {
  it('never make a reader throw or run on', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const reader = new ByteReader(bytes)
        for (let i = 0; i < 80 && !reader.failed; i += 1) {
          reader.text(1_000)
          reader.count(1_000)
        }
        return reader.failed
      }),
    )
  })
})
