import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32 } from 'node:zlib'
import { checksum, checksumInScript } from '#src/checksum.ts'
import fc from 'fast-check'

const anyBytes = fc.uint8Array({ maxLength: 900 })

describe('checksum: of bytes', () => {
  it('is that of zlib, in a loop and by a call', () => {
    fc.assert(
      fc.property(anyBytes, fc.nat(0xffff_ffff), (bytes, before) => {
        assert.equal(checksumInScript(bytes, before, 0), crc32(bytes, before))
        assert.equal(checksum(bytes, before), crc32(bytes, before))
      }),
    )
  })

  it('may leave out the first', () => {
    fc.assert(
      fc.property(anyBytes, fc.nat(20), (bytes, start) => {
        assert.equal(checksum(bytes, 0, start), crc32(bytes.subarray(start)))
      }),
    )
  })

  it('has the value that everybody knows', () => {
    assert.equal(checksum(Buffer.from('123456789')), 0xcbf43926)
  })
})
