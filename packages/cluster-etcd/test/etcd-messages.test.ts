import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  decodeKeepAlive,
  decodeLeaseGrant,
  decodeRange,
  decodeStatus,
  decodeToken,
  decodeTxn,
  decodeWatch,
  encodeLease,
  encodePrefixRange,
  encodeTxn,
  encodeWatch,
  leaseFrom,
  leaseIdFrom,
} from '#src/etcd-messages.ts'
import { encodeMessage } from '#src/protobuf.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const keyOf = (key: string): Uint8Array => Buffer.from(key)

describe('etcd messages: to etcd', () => {
  it('a transaction has its comparisons in field 1, what follows in 2 and 3', () => {
    const txn = encodeTxn(
      {
        if: [
          { key: 'a', is: 'missing' },
          { key: 'b', is: 'present' },
          { key: 'c', is: 'at', rev: 5n },
        ],
        then: [
          { op: 'put', key: 'a', value: Uint8Array.of(9), lease: 'ff' },
          { op: 'delete', key: 'b' },
        ],
        else: [{ op: 'get', key: 'a' }],
      },
      keyOf,
    )
    const compares = '0a09080010011a01612800' + '0a09080110011a01622800' + '0a09080010021a01633005'
    const then = '120b12090a0161120109' + '18ff01' + '12051a030a0162'
    assert.equal(hex(txn), compares + then + '1a050a030a0161')
  })

  it('a revision that no record can have is a comparison that never holds', () => {
    for (const rev of [0n, -1n, 2n ** 63n]) {
      const txn = encodeTxn({ if: [{ key: 'a', is: 'at', rev }], then: [] }, keyOf)
      assert.equal(hex(txn), '0a09080210001a01612000', `revision ${rev}`)
    }
  })

  it('a prefix ends before the next key that does not start with it', () => {
    const ends: readonly [string, string][] = [
      ['61', '62'],
      ['61ff', '62'],
      ['f48fbfbf', 'f48fbfc0'],
      ['ffff', '00'],
    ]
    for (const [prefix, end] of ends) {
      const expected = encodeMessage([
        [1, Buffer.from(prefix, 'hex')],
        [2, Buffer.from(end, 'hex')],
      ])
      assert.equal(hex(encodePrefixRange(Buffer.from(prefix, 'hex'))), hex(expected))
    }
    assert.equal(hex(encodePrefixRange(new Uint8Array(0))), '0a0100120100')
  })

  it('a watch begins at a revision', () => {
    assert.equal(hex(encodeWatch(Buffer.from('a'), 7n)), '0a080a01611201621807')
  })

  it('a lease above 2⁶² goes as it is', () => {
    assert.equal(hex(encodeLease(0x7587_8e1b_0a2c_3d4en)), '08cefab0d1b0c3e3c375')
  })
})

describe('etcd messages: lease ids', () => {
  it('are etcd’s numbers as its tools print them', () => {
    assert.equal(leaseIdFrom(0x32698f2a1b2c3d4en), '32698f2a1b2c3d4e')
    assert.equal(leaseFrom('32698f2a1b2c3d4e'), 0x32698f2a1b2c3d4en)
  })

  it('that etcd never gives are none', () => {
    for (const id of [
      '',
      '0',
      '00',
      '-1',
      '0x1',
      ' 1',
      '1 ',
      '8000000000000000',
      '1'.repeat(17),
      'G',
      'FF',
      '١',
    ]) {
      assert.equal(leaseFrom(id), undefined, JSON.stringify(id))
    }
  })
})

const decoders = {
  decodeKeepAlive,
  decodeLeaseGrant,
  decodeRange,
  decodeStatus,
  decodeToken,
  decodeTxn,
  decodeWatch,
}

describe('etcd messages: from etcd', () => {
  it('a range has records with revision and lease', () => {
    const kv = encodeMessage([
      [1, 'k'],
      [2, 3],
      [3, 4],
      [4, 1],
      [5, 'v'],
      [6, 255],
    ])
    const range = decodeRange(
      encodeMessage([
        [
          1,
          encodeMessage([
            [1, 7],
            [2, 8],
            [3, 9],
          ]),
        ],
        [2, kv],
        [4, 1],
      ]),
    )
    assert.deepEqual(range?.header, { clusterId: 7n, memberId: 8n, rev: 9n })
    assert.deepEqual(
      range?.recs.map((rec) => ({ ...rec, key: hex(rec.key), value: hex(rec.value) })),
      [{ key: '6b', value: '76', rev: 4n, lease: 255n }],
    )
  })

  for (const [name, decode] of Object.entries(decoders)) {
    it(`${name} reads an empty message as all defaults, and never throws`, () => {
      assert.notEqual(decode(new Uint8Array(0)), undefined)
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void decode(bytes)),
        { numRuns: 3_000 },
      )
    })

    it(`${name} refuses a message that breaks off`, () => {
      assert.equal(decode(Uint8Array.of(0x0a, 0x05, 0x08)), undefined)
    })
  }

  it('a record that breaks off inside makes the whole no message', () => {
    const broken = Uint8Array.of(0x0a, 0x09, 0x61)
    assert.equal(decodeRange(encodeMessage([[2, broken]])), undefined)
    assert.equal(
      decodeTxn(encodeMessage([[3, encodeMessage([[1, encodeMessage([[2, broken]])]])]])),
      undefined,
    )
    assert.equal(decodeWatch(encodeMessage([[11, encodeMessage([[2, broken]])]])), undefined)
  })
})
