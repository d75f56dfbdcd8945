import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  FORMAT,
  LEASES,
  RECORDS,
  decodeHead,
  decodeLease,
  decodeRecord,
  encodeHead,
  encodeLease,
  encodeRecord,
  leaseKey,
  printKey,
  recordKey,
} from '#src/disk-format.ts'

const rec = { key: 'view', value: Uint8Array.of(1, 2, 3), rev: 7n, lease: '1-abc' }
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('disk format', () => {
  it('is the one that is on people’s disks', () => {
    assert.equal(FORMAT, 1)
    assert.equal(hex(recordKey('view')), '0176696577')
    assert.equal(hex(leaseKey('1-abc')), '02312d616263')
    assert.equal(
      hex(encodeRecord(rec)),
      'e8ad2962808c7b4402b15d3787596b6194a476696577d30000000000000007a5312d616263c403010203',
    )
    assert.equal(
      hex(encodeLease({ id: '1-abc', ttlMs: 6_000 })),
      '42d9301da5afad4c9cc65b1f2748253a92a5312d616263cd1770',
    )
    assert.equal(
      hex(encodeHead({ storeId: 'abc', rev: 7n, leaseCount: 1 })),
      'e6b4b5f4def818bd801820d4b9e42ca19401a3616263d3000000000000000701',
    )
  })

  it('gives back what it was given', () => {
    const free = { key: rec.key, value: rec.value, rev: rec.rev }
    const lease = { id: '1-abc', ttlMs: 6_000 }
    const head = { storeId: 'abc', rev: 2n ** 70n, leaseCount: 3 }
    assert.deepEqual(decodeRecord(recordKey('view'), encodeRecord(rec)), rec)
    assert.deepEqual(decodeRecord(recordKey('view'), encodeRecord(free)), free)
    assert.deepEqual(decodeLease(leaseKey('1-abc'), encodeLease(lease)), lease)
    assert.deepEqual(decodeHead(encodeHead(head)), head)
  })

  it('notices every flipped bit', () => {
    const bytes = encodeRecord(rec)
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const damaged = bytes.slice()
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.equal(decodeRecord(recordKey('view'), damaged), undefined, `bit ${bit}`)
    }
  })

  it('notices a record in another’s place', () => {
    assert.equal(decodeRecord(recordKey('other'), encodeRecord(rec)), undefined)
    assert.equal(decodeLease(leaseKey('2-abc'), encodeLease({ id: '1-abc', ttlMs: 1 })), undefined)
  })

  it('never throws for what lies there', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        assert.equal(decodeRecord(recordKey('view'), bytes), undefined)
        assert.equal(decodeLease(leaseKey('1-abc'), bytes), undefined)
        assert.equal(decodeHead(bytes), undefined)
      }),
      { numRuns: 2_000 },
    )
  })

  it('keeps records, leases and the rest in ranges of their own', () => {
    const inside = (key: Uint8Array, range: { start: Uint8Array; end: Uint8Array }): boolean =>
      Buffer.compare(key, range.start) >= 0 && Buffer.compare(key, range.end) < 0
    for (const key of ['\u0000', 'view', '\u{10ffff}']) {
      assert.ok(inside(recordKey(key), RECORDS) && !inside(recordKey(key), LEASES))
      assert.ok(inside(leaseKey(key), LEASES) && !inside(leaseKey(key), RECORDS))
    }
  })

  it('prints keys on one line, whatever they hold', () => {
    assert.equal(printKey(recordKey('a\n\u001b[31m')), '1:"a\\n\\u001b[31m"')
  })
})
