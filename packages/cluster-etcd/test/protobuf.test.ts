import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MessageReader, encodeMessage } from '#src/protobuf.ts'
import type { Field } from '#src/protobuf.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

describe('protobuf: the examples of its documentation', () => {
  it('a varint of 150 in field 1', () => {
    assert.equal(hex(encodeMessage([[1, 150]])), '089601')
  })

  it('the text "testing" in field 2', () => {
    assert.equal(hex(encodeMessage([[2, 'testing']])), '120774657374696e67')
  })

  it('a message in field 3', () => {
    assert.equal(hex(encodeMessage([[3, encodeMessage([[1, 150]])]])), '1a03089601')
  })

  it('-1 takes ten bytes', () => {
    assert.equal(hex(encodeMessage([[1, -1n]])), '08ffffffffffffffffff01')
    assert.equal(hex(encodeMessage([[1, -2]])), '08feffffffffffffffff01')
  })

  it('a field above 15 has a key of two bytes; what is undefined is left out', () => {
    assert.equal(
      hex(
        encodeMessage([
          [16, true],
          [2, undefined],
          [64, false],
        ]),
      ),
      '800101800400',
    )
  })
})

describe('protobuf: reading', () => {
  it('gives back what was written', () => {
    const value = fc.oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.uint8Array({ maxLength: 300 }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 2 ** 29 - 1 }), value)), (fields) => {
        const reader = new MessageReader(encodeMessage(fields))
        const read: Field[] = []
        for (const [, written] of fields) {
          assert.ok(reader.next())
          read.push([
            reader.field,
            typeof written === 'bigint' ? reader.int64() : new Uint8Array(reader.bytes()),
          ])
        }
        assert.equal(reader.next(), false)
        assert.equal(reader.failed, false)
        assert.deepEqual(read, fields)
      }),
      { numRuns: 2_000 },
    )
  })

  it('skips what it does not know, of every type', () => {
    const reader = new MessageReader(
      bytesOf('089601' + '110102030405060708' + '1a0161' + '2501020304' + '2a0162'),
    )
    for (const field of [1, 2, 3, 4]) {
      assert.ok(reader.next())
      assert.equal(reader.field, field)
      reader.skip()
    }
    assert.ok(reader.next())
    assert.equal(reader.text(), 'b')
    assert.equal(reader.failed, false)
  })

  const broken: readonly [claim: string, bytes: string][] = [
    ['a varint without an end', '08ffffffffffffffffffff01'],
    ['a varint that is cut off', '0896'],
    ['a length beyond the end', '120574'],
    ['a length beyond all memory', '12ffffffffffffffff7f'],
    ['a group, which nobody uses', '0b'],
    ['a number where bytes should be', '1001'],
    ['eight bytes that are cut off', '11010203'],
  ]
  for (const [claim, bytes] of broken) {
    it(`fails without a throw at ${claim}`, () => {
      const reader = new MessageReader(bytesOf(bytes))
      while (reader.next()) {
        if (reader.field === 2 && bytes.startsWith('1')) reader.bytes()
        else reader.skip()
      }
      assert.equal(reader.failed, true)
    })
  }
})
