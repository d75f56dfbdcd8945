import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeSortKey, encodeSortKey, isSortValue, sortKeyEnd } from '#src/sort-key.ts'
import type { SortValue } from '#src/sort-key.ts'
import { bytesFromHex, hexFromBytes } from './hex.ts'
import { assertSameGraph } from './same-graph.ts'

const text = fc
  .oneof(
    fc.string({ maxLength: 5 }),
    fc.array(fc.constantFrom('\0', '\x01', 'a', '\x7f', '\x80', 'é', '\u07ff', '\u0800', '日')),
    fc.array(fc.constantFrom('\ud800', '\udfff', '\ue000', '\uff5e', '\uffff', '😀', 'a')),
  )
  .map((parts) => (Array.isArray(parts) ? parts.join('') : parts))

const sortValue: fc.Arbitrary<SortValue> = fc.oneof(
  fc.constantFrom(null, true, false, 0, -0, Number.NaN, Infinity, -Infinity, 1, -1),
  ...[fc.double(), fc.integer(), fc.bigInt(), text, fc.date({ noInvalidDate: false })],
  fc.bigInt({ min: -(2n ** 18n), max: 2n ** 18n }),
)

const KINDS = ['null', 'false', 'true', 'number', 'bigint', 'string', 'date']

function kindOf(value: SortValue): number {
  if (value instanceof Date) return KINDS.indexOf('date')
  return KINDS.indexOf(
    typeof value === 'object' || typeof value === 'boolean' ? `${value}` : typeof value,
  )
}

/** The order that the head of sort-key.ts promises, said in JavaScript's own comparisons. */
function compareValues(left: SortValue, right: SortValue): number {
  if (kindOf(left) !== kindOf(right)) return kindOf(left) - kindOf(right)
  const a = left instanceof Date ? left.getTime() : left
  const b = right instanceof Date ? right.getTime() : right
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  if (a === null || b === null) return 0
  return a < b ? -1 : Number(a > b)
}

function compareTuples(left: readonly SortValue[], right: readonly SortValue[]): number {
  for (const [i, value] of left.entries()) {
    if (i >= right.length) return 1
    const order = compareValues(value, right[i]!)
    if (order !== 0) return order
  }
  return left.length - right.length
}

describe('sort key: golden bytes', () => {
  const golden: readonly (readonly [value: SortValue, hex: string])[] = [
    [null, '10'],
    [false, '20'],
    [true, '21'],
    [0, '30 8000000000000000'],
    [1, '30 bff0000000000000'],
    [-1, '30 400fffffffffffff'],
    [Number.NEGATIVE_INFINITY, '30 000fffffffffffff'],
    [Number.POSITIVE_INFINITY, '30 fff0000000000000'],
    [Number.NaN, '30 fff8000000000000'],
    [0n, '41 00'],
    [255n, '41 01 ff'],
    [-255n, '40 fe 00'],
    [2n ** 64n, '41 09 010000000000000000'],
    ['', '50 00'],
    ['a\0b', '50 61 00ff 62 00'],
    ['é日', '50 c3a9 e697a5 00'],
    ['😀', '50 eda0bd edb880 00'],
    [new Date(0), '60 8000000000000000'],
  ]

  it('hold, in both directions', () => {
    for (const [value, hex] of golden) {
      assert.equal(hexFromBytes(encodeSortKey([value])), hex.replaceAll(' ', ''))
      assertSameGraph(decodeSortKey(bytesFromHex(hex)), { ok: true, values: [value] })
    }
  })

  it('of a tuple are those of its values', () => {
    assert.equal(hexFromBytes(encodeSortKey(['a', true])), '50610021')
    assert.equal(encodeSortKey([]).length, 0)
  })
})

describe('sort key: order', () => {
  it('of bytes is the order of the tuples', () => {
    const tuple = fc.array(sortValue, { maxLength: 3 })
    fc.assert(
      fc.property(tuple, tuple, (left, right) => {
        const order = Buffer.compare(encodeSortKey(left), encodeSortKey(right))
        assert.equal(Math.sign(order), Math.sign(compareTuples(left, right)))
      }),
      { numRuns: 10_000 },
    )
  })

  it('holds between all neighbours of a kind', () => {
    const numbers = [
      -Infinity,
      -Number.MAX_VALUE,
      -2,
      -1,
      -Number.MIN_VALUE,
      0,
      Number.MIN_VALUE,
      1,
    ]
    const bigints = Array.from({ length: 2100 }, (_, bits) => 2n ** BigInt(bits))
    const all: SortValue[][] = [
      [...numbers, 2, Number.MAX_VALUE, Infinity, Number.NaN],
      [...bigints.toReversed().map((value) => -value), 0n, ...bigints],
      ['', '\0', '\0\0', '\0a', '\x01', 'a', 'a\0', 'a\0b', 'a\x01', 'ab', 'b', '\x7f', '\x80'],
      ['\u07ff', '\u0800', '\ud7ff', '\ud83d', '😀', '\udfff', '\ue000', '\uff5e', '\uffff'],
      [-8.64e15, -1, 0, 1, 8.64e15, Number.NaN].map((timeMs) => new Date(timeMs)),
    ]
    for (const values of all) {
      const keys = values.map((value) => encodeSortKey([value, 'z']))
      assert.deepEqual(
        keys.toSorted((a, b) => Buffer.compare(a, b)),
        keys,
      )
    }
  })

  it('takes -0 for 0, which are equal', () => {
    assert.deepEqual(encodeSortKey([-0]), encodeSortKey([0]))
  })

  it('puts the end of a prefix above all that begin with it, and below what does not', () => {
    const tuple = fc.array(sortValue, { maxLength: 2 })
    fc.assert(
      fc.property(tuple, tuple, (prefix, other) => {
        const end = sortKeyEnd(prefix)
        assert.ok(Buffer.compare(encodeSortKey([...prefix, ...other]), end) < 0)
        const isAbove = compareTuples(other.slice(0, prefix.length), prefix) > 0
        if (isAbove) assert.ok(Buffer.compare(encodeSortKey(other), end) > 0)
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('sort key: decoding', () => {
  it('gives the tuple back, lone surrogates too', () => {
    fc.assert(
      fc.property(fc.array(sortValue, { maxLength: 4 }), (values) => {
        const expected = values.map((value) => (value === 0 ? 0 : value))
        assertSameGraph(decodeSortKey(encodeSortKey(values)), { ok: true, values: expected })
      }),
      { numRuns: 3_000 },
    )
  })

  it('gives long values back', () => {
    const values = ['日\0'.repeat(5_000), 2n ** 5000n, -(2n ** 2040n), -(2n ** 2032n)]
    assert.deepEqual(decodeSortKey(encodeSortKey(values)), { ok: true, values })
  })

  it('security 9: of any bytes gives a tuple or a problem', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        const result = decodeSortKey(bytes)
        assert.ok(result.ok || result.problem !== '')
      }),
      { numRuns: 5_000 },
    )
    assert.deepEqual(decodeSortKey(bytesFromHex('10 70')), {
      ok: false,
      problem: 'a kind of value that is not known',
      offset: 1,
    })
    for (const hex of [
      '30 00',
      '41',
      '41 02 01',
      '41 ff ffffffff',
      '50 61',
      '50 c3',
      '50 e6 97',
      '60',
    ]) {
      assert.equal(decodeSortKey(bytesFromHex(hex)).ok, false, hex)
    }
  })
})

describe('sort key: what can be ordered', () => {
  it('is told apart', () => {
    for (const value of [null, true, 1, 1n, 'a', new Date(0)]) assert.ok(isSortValue(value))
    for (const value of [undefined, {}, [], Symbol('x'), isSortValue])
      assert.ok(!isSortValue(value))
  })
})
