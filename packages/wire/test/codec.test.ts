import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EpicError } from '@epicserver/contracts'
import { createCodec, errorFromProblem } from '#src/codec.ts'
import { bytesFromHex, hexFromBytes } from './hex.ts'
import { SampleRef, sampleRefs } from './sample-ref.ts'
import { assertSameGraph } from './same-graph.ts'

const codec = createCodec({ refs: sampleRefs })

function roundTrip(value: unknown): unknown {
  const result = codec.decode(codec.encode(value))
  assert.ok(result.ok, result.ok ? '' : result.problem)
  return result.value
}

/** What is on disks and on its way between nodes: changing a line breaks both. */
const goldenPlain: readonly (readonly [value: unknown, hex: string])[] = [
  [null, 'c0'],
  [undefined, 'd4 00 00'],
  [false, 'c2'],
  [true, 'c3'],
  [0, '00'],
  [127, '7f'],
  [128, 'cc 80'],
  [256, 'cd 0100'],
  [65_536, 'ce 00010000'],
  [2 ** 31, 'ce 80000000'],
  [2 ** 32 - 1, 'ce ffffffff'],
  [2 ** 32, 'ca 4f800000'],
  [-1, 'ff'],
  [-32, 'e0'],
  [-33, 'd0 df'],
  [-129, 'd1 ff7f'],
  [-32_769, 'd2 ffff7fff'],
  [-(2 ** 31), 'd2 80000000'],
  [1.5, 'ca 3fc00000'],
  [0.1, 'cb 3fb999999999999a'],
  ['', 'a0'],
  ['bob', 'a3 626f62'],
  ['é', 'a2 c3a9'],
  ['日', 'a3 e697a5'],
  ['😀', 'a4 f09f9880'],
  ['x'.repeat(32), `d9 20 ${'78'.repeat(32)}`],
  ['é'.repeat(128), `da 0100 ${'c3a9'.repeat(128)}`],
  ['x'.repeat(65_536), `db 00010000 ${'78'.repeat(65_536)}`],
  [new Date(0), 'd6 ff 00000000'],
  [new Date(1_732_170_000_123), 'd7 ff 1d535300 673ed110'],
  [new Date(-1), 'c7 0c ff 3b8b87c0 ffffffffffffffff'],
  [new Date(2 ** 34 * 1000), 'c7 0c ff 00000000 0000000400000000'],
  [Uint8Array.of(1, 2, 255), 'c4 03 0102ff'],
  [new Uint8Array(256), `c5 0100 ${'00'.repeat(256)}`],
  [new Uint8Array(65_536), `c6 00010000 ${'00'.repeat(65_536)}`],
  [[], '90'],
  [Array.from({ length: 16 }, (_, i) => i), 'dc 0010 000102030405060708090a0b0c0d0e0f'],
  [{}, '80'],
  [{ a: [{ b: null }] }, '81 a161 91 81 a162 c0'],
]

const goldenOwn: readonly (readonly [value: unknown, hex: string])[] = [
  [-0, 'ca 80000000'],
  [Number.NaN, 'ca 7fc00000'],
  [Number.POSITIVE_INFINITY, 'ca 7f800000'],
  [Number.NEGATIVE_INFINITY, 'ca ff800000'],
  [Number.MAX_SAFE_INTEGER, 'cb 433fffffffffffff'],
  [0n, 'd3 0000000000000000'],
  [-1n, 'd3 ffffffffffffffff'],
  [2n ** 63n, 'cf 8000000000000000'],
  [2n ** 64n, 'c7 0a 02 00 010000000000000000'],
  [-(2n ** 63n) - 1n, 'c7 09 02 01 8000000000000001'],
  ['\ud800', 'c7 02 01 00d8'],
  [new Date(Number.NaN), 'd4 00 01'],
  [Uint8Array.of(1, 2).buffer, 'c7 02 03 0102'],
  [Int8Array.of(-1), 'c7 02 04 00 ff'],
  [Uint8ClampedArray.of(255), 'c7 02 04 01 ff'],
  [Int16Array.of(-1, 256), 'c7 05 04 02 ffff 0001'],
  [Uint16Array.of(1), 'c7 03 04 03 0100'],
  [Int32Array.of(1), 'c7 05 04 04 01000000'],
  [Uint32Array.of(1), 'c7 05 04 05 01000000'],
  [Float32Array.of(1.5), 'c7 05 04 06 0000c03f'],
  [Float64Array.of(1.5), 'c7 09 04 07 000000000000f83f'],
  [BigInt64Array.of(-2n), 'c7 09 04 08 feffffffffffffff'],
  [BigUint64Array.of(1n), 'c7 09 04 09 0100000000000000'],
  // eslint-disable-next-line no-sparse-arrays -- a hole is what is meant
  [[1, , undefined], '93 01 d40002 d40000'],
  [
    new Map<unknown, unknown>([
      ['a', 1],
      [2, 'b'],
    ]),
    'c7 07 05 82 a161 01 02 a162',
  ],
  [new Set([1, 'a']), 'c7 04 06 92 01 a161'],
  [
    Object.assign(new TypeError('no'), { code: 'E1', data: { n: 1 } }),
    'c7 15 07 a9 547970654572726f72 a2 6e6f a0 a2 4531 81 a16e 01',
  ],
]

describe('codec: golden bytes', () => {
  for (const [name, cases] of [
    ['MessagePack', goldenPlain],
    ['ours', goldenOwn],
  ] as const) {
    it(`of what is ${name}`, () => {
      for (const [value, hex] of cases) {
        const bytes = bytesFromHex(hex)
        assert.equal(hexFromBytes(codec.encode(value)), hexFromBytes(bytes))
        const decoded = codec.decode(bytes)
        assertSameGraph(decoded, { ok: true, value })
      }
    })
  }

  it('of a ref', () => {
    const hex = 'c7 0b 08 a6 506c61796572 a3 626f62'
    assert.equal(
      hexFromBytes(codec.encode(new SampleRef('Player', 'bob'))),
      hex.replaceAll(' ', ''),
    )
    const result = codec.decode(bytesFromHex(hex))
    assert.ok(result.ok && result.value instanceof SampleRef)
    assert.deepEqual(SampleRef.parts(result.value), { type: 'Player', id: 'bob' })
  })

  it('of an EpicError', () => {
    const error = new EpicError('Timeout', 'late', { details: { ms: 5 } })
    const hex =
      'c7 24 07 a9 457069634572726f72 a4 6c617465 a7 756e6b6e6f776e a7 54696d656f7574 81 a26d73 05'
    assert.equal(hexFromBytes(codec.encode(error)), hex.replaceAll(' ', ''))
  })

  it('of an object that occurs twice, and of one in itself', () => {
    const item = { a: 1 }
    const knot: unknown[] = []
    knot.push(knot)
    assert.equal(hexFromBytes(codec.encode([item, item])), '92c7040981a16101c7010a00')
    assert.equal(hexFromBytes(codec.encode(knot)), 'c7050991c7010a00')
  })
})

describe('codec: numbers at their edges', () => {
  it('security 14: arrive exactly', () => {
    const edges = [0, 1, 31, 32, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536]
    const powers = Array.from({ length: 1075 }, (_, i) => 2 ** (i - 1074 + 540))
    const near = [2 ** 31, 2 ** 32, 2 ** 53, Number.MAX_VALUE, Number.MIN_VALUE, Number.EPSILON]
    for (const edge of [...edges, ...powers, ...near]) {
      for (const value of [edge, edge - 1, edge + 1, -edge, 1 - edge, -edge - 1]) {
        assert.ok(Object.is(roundTrip(value), value), String(value))
      }
    }
    assert.ok(Object.is(roundTrip(Number.NaN), Number.NaN))
  })

  it('security 14: BigInts arrive exactly and stay BigInts', () => {
    for (let bits = 0n; bits < 200n; bits += 1n) {
      for (const value of [2n ** bits, 2n ** bits - 1n, -(2n ** bits), -(2n ** bits) - 1n]) {
        assert.equal(roundTrip(value), value)
      }
    }
  })

  it('all NaNs have one encoding, so that equal states have equal bytes', () => {
    const other = new DataView(new ArrayBuffer(8))
    other.setBigUint64(0, 0x7ff8_dead_beef_0001n)
    assert.deepEqual(codec.encode(other.getFloat64(0)), codec.encode(Number.NaN))
  })
})

describe('codec: strings', () => {
  it('security 14: arrive exactly at every length and width', () => {
    for (const unit of [
      'a',
      'é',
      '日',
      '😀',
      '\ud800',
      'a\udc00',
      '\udc00\ud800',
      '\0',
      '\ufeff',
    ]) {
      for (const count of [0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 85, 86, 127, 128, 255, 256, 3000]) {
        const text = unit.repeat(count)
        assert.equal(roundTrip(text), text)
        assert.deepEqual(roundTrip({ [text]: text }), { [text]: text })
      }
    }
  })

  it('security 14: empty and enormous field names arrive exactly', () => {
    const value = { '': 1, ['k'.repeat(70_000)]: 2, 'é\ud83d': 3, 0: 4, length: 5 }
    assert.deepEqual(roundTrip(value), value)
  })

  it('of other texts that share a place in the name cache stay apart', () => {
    const names = Array.from({ length: 5_000 }, (_, i) => `field${i * 7919}`)
    const value = Object.fromEntries(names.map((name) => [name, name]))
    assert.deepEqual(roundTrip(value), value)
    assert.deepEqual(roundTrip(value), value)
  })
})

describe('codec: identity', () => {
  it('an object that occurs twice is one object again', () => {
    const item = { name: 'sword' }
    const value = { left: item, right: item, all: new Map([[item, new Set([item])]]) }
    assertSameGraph(roundTrip(value), value)
  })

  it('any object may be in itself', () => {
    const map = new Map<unknown, unknown>()
    const set = new Set<unknown>()
    const error = Object.assign(new Error('knot'), { data: {} as object })
    const value = { map, set, error, self: {} as object }
    value.self = value
    map.set(map, [map])
    set.add(set)
    error.data = { error }
    assertSameGraph(roundTrip(value), value)
  })

  it('an EpicError may be in its own details', () => {
    const details: Record<string, unknown> = {}
    const error = new EpicError('Timeout', 'late', { details })
    details['error'] = error
    const copy = roundTrip(error)
    assert.ok(copy instanceof EpicError)
    assert.equal(copy.details['error'], copy)
  })

  it('holds for dates, buffers and typed arrays', () => {
    const leaves = [new Date(5), new Date(Number.NaN), Uint8Array.of(1), Int16Array.of(2)]
    const buffer = new ArrayBuffer(3)
    const value = [...leaves, buffer, ...leaves, buffer]
    assertSameGraph(roundTrip(value), value)
  })

  it('holds among thousands of objects', () => {
    const items = Array.from({ length: 3_000 }, (_, i) => ({ i }))
    const value = { items, again: items.toReversed(), twice: [items, items] }
    assertSameGraph(roundTrip(value), value)
  })

  it('equal objects stay two', () => {
    const value = Array.from({ length: 100 }, () => ({ x: 0 }))
    assertSameGraph(roundTrip(value), value)
  })
})

describe('codec: errors', () => {
  it('keep class, name, message, code and data, and leave stack and cause', () => {
    const error = new RangeError('beyond', { cause: new Error('inner') })
    const copy = roundTrip(Object.assign(error, { code: 7, data: [1] }))
    assert.ok(copy instanceof RangeError)
    assert.deepEqual(Object.entries(copy), [
      ['code', 7],
      ['data', [1]],
    ])
    assert.equal(copy.message, 'beyond')
    assert.equal(copy.cause, undefined)
    assert.doesNotMatch(copy.stack ?? '', /\n/)
  })

  it('of a class of the app become errors of its name', () => {
    class OutOfGold extends Error {
      override readonly name = 'OutOfGold'
      readonly data = { missing: 5n }
    }
    const copy = roundTrip(new OutOfGold('poor'))
    assert.ok(copy instanceof Error)
    assert.equal(String(copy), 'OutOfGold: poor')
    assert.deepEqual((copy as OutOfGold).data, { missing: 5n })
    assert.deepEqual(Object.keys(copy), ['data'])
  })

  it('of ours stay ours', () => {
    const error = new EpicError('Overloaded', 'full', { retry: 'never', details: { max: 3 } })
    const copy = roundTrip(error)
    assert.ok(copy instanceof EpicError)
    assert.deepEqual(Object.entries(copy), Object.entries(error))
    assert.equal(copy.message, 'full')
  })

  it('of ours with a code that only newer nodes know keep their fields', () => {
    const error = Object.assign(new EpicError('Timeout', 'new'), { code: 'Tomorrow' })
    const copy = roundTrip(error)
    assert.ok(copy instanceof Error && !(copy instanceof EpicError))
    assert.equal(String(copy), 'EpicError: new')
    const { code, retry, details } = copy as Error & Record<string, unknown>
    assert.deepEqual([code, retry, details], ['Tomorrow', 'unknown', {}])
  })

  it('leave the limit of stack traces as it was', () => {
    const before = Error.stackTraceLimit
    roundTrip(new Error('x'))
    assert.equal(Error.stackTraceLimit, before)
  })

  it('with a name or message that is no text get the usual one', () => {
    const error = Object.assign(new Error('x'), { name: 5, message: {} })
    const copy = roundTrip(error)
    assert.equal(String(copy), 'Error')
  })
})

describe('codec: what cannot be encoded', () => {
  const inventory = { inventory: [1, 2, 3, { onUse: () => undefined }] }

  it('is an EpicError that names the field, by purpose', () => {
    assert.throws(() => codec.encode(inventory), {
      name: 'EpicError',
      code: 'CannotCross',
      retry: 'never',
      message: 'Cannot send a message: inventory[3].onUse is a function',
      details: { path: 'inventory[3].onUse', found: 'a function' },
    })
    assert.throws(() => createCodec({ purpose: 'state' }).encode(Symbol.iterator), {
      code: 'CannotSave',
      message: 'Cannot save: the value is a symbol',
    })
  })

  it('only because of its size has a code of its own', () => {
    const limits = { bytesMax: 100 }
    const text = 'x'.repeat(101)
    assert.throws(() => createCodec({ limits }).encode(text), {
      code: 'MessageTooLarge',
      message: 'Cannot send a message: it has more than 100 bytes',
    })
    assert.throws(() => createCodec({ limits, purpose: 'state' }).encode([text]), {
      code: 'StateTooLarge',
    })
  })

  it('can be told with what was attempted', () => {
    const problem = { path: '[0]', found: 'a function', isTooLarge: false }
    const error = errorFromProblem(problem, 'message', 'Cannot call "Player/bob" move')
    assert.equal(error.message, 'Cannot call "Player/bob" move: [0] is a function')
  })

  it('leaves the codec as it was', () => {
    assert.throws(() => codec.encode(inventory))
    assert.equal(hexFromBytes(codec.encode([1])), '9101')
  })
})

describe('codec: its bytes', () => {
  it('are not touched by later encodings', () => {
    const values = Array.from({ length: 300 }, (_, i) => 'x'.repeat(i * 5))
    const encoded = values.map((value) => codec.encode(value))
    for (const [i, bytes] of encoded.entries()) {
      assert.deepEqual(codec.decode(bytes), { ok: true, value: values[i] })
    }
  })

  it('may be a part of others', () => {
    const bytes = bytesFromHex('ff 93 01 02 03 ff')
    assert.deepEqual(codec.decode(bytes, 1, 5), { ok: true, value: [1, 2, 3] })
    assert.deepEqual(codec.decode(bytes.subarray(1, 5)), { ok: true, value: [1, 2, 3] })
  })

  it('hold one value and nothing else', () => {
    assert.deepEqual(codec.decode(bytesFromHex('01 02')), {
      ok: false,
      problem: 'bytes are left over',
      offset: 1,
    })
  })

  it('of views in the value are copies', () => {
    const bytes = codec.encode([Uint8Array.of(1), Uint16Array.of(2).buffer])
    const result = codec.decode(bytes)
    bytes.fill(0xee)
    assertSameGraph(result, { ok: true, value: [Uint8Array.of(1), Uint16Array.of(2).buffer] })
  })

  it('may be made while a getter is read', () => {
    const value = {
      get inner() {
        return codec.encode([1, 2])
      },
      after: 'x',
    }
    assert.deepEqual(roundTrip(value), { inner: bytesFromHex('92 01 02'), after: 'x' })
  })
})

describe('codec: sparse arrays', () => {
  it('keep their holes, at either end too', () => {
    for (const length of [1, 2, 16, 17, 40]) {
      for (const at of [0, 1, length - 1]) {
        const value = new Array<unknown>(length)
        assertSameGraph(roundTrip(value), value)
        value[at] = undefined
        assertSameGraph(roundTrip(value), value)
      }
    }
  })
})

describe('codec: for state', () => {
  const states = createCodec({ purpose: 'state' })

  it('carries nesting and numbers of elements that no message may have', () => {
    let chain: object = { at: 0 }
    for (let at = 1; at < 512; at += 1)
      chain = at % 3 ? { at, next: chain } : new Map([[at, chain]])
    const value = [chain].slice(1).concat(chain)
    assert.throws(() => codec.encode(chain), { code: 'CannotCross', message: /deeper than 64/ })
    assert.throws(() => states.encode(value), { code: 'CannotSave', message: /deeper than 512/ })
    assertSameGraph(states.decode(states.encode(chain)), { ok: true, value: chain })
    const many = new Array<number>(300_000).fill(1)
    assert.throws(() => codec.encode(many), { code: 'MessageTooLarge' })
    assertSameGraph(states.decode(states.encode(many)), { ok: true, value: many })
  })

  it('gives its limits and refs to the writers and readers that it makes', () => {
    const small = createCodec({ refs: sampleRefs, limits: { elementsMax: 1 } })
    const writer = small.createWriter()
    assert.equal(writer.value([new SampleRef('Player', 'bob')]), undefined)
    assert.equal(writer.value([1, 2])?.found, 'more than 1 elements')
    const reader = small.createReader()
    reader.reset(writer.take())
    assert.ok((reader.value() as unknown[])[0] instanceof SampleRef)
    reader.reset(bytesFromHex('92 01 02'))
    assert.equal(reader.value(), undefined)
    assert.equal(reader.problem, 'more elements than are allowed')
  })
})
