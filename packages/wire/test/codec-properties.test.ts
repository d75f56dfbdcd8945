import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createCodec } from '#src/codec.ts'
import { hash128 } from '#src/hash128.ts'
import type { Writer } from '#src/writer.ts'
import { anyValue } from './arbitrary-value.ts'
import { nativeUtf8 } from './native-utf8.ts'
import { assertSameGraph } from './same-graph.ts'

const codec = createCodec()
const native = createCodec({ utf8: nativeUtf8 })

function decoded(bytes: Uint8Array): unknown {
  const result = codec.decode(bytes)
  assert.ok(result.ok, result.ok ? '' : result.problem)
  return result.value
}

describe('codec: any value', () => {
  it('arrives as the same graph', () => {
    fc.assert(
      fc.property(anyValue, (value) => assertSameGraph(decoded(codec.encode(value)), value)),
      { numRuns: 3_000 },
    )
  })

  it('has one encoding, whoever converts its texts, and after a journey too', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = codec.encode(value)
        assert.deepEqual(native.encode(value), bytes)
        assert.deepEqual(codec.encode(decoded(bytes)), bytes)
        assertSameGraph(native.decode(bytes), { ok: true, value })
      }),
      { numRuns: 2_000 },
    )
  })
})

/** Plain data, as states mostly are: without errors, whose copies are not those of structuredClone. */
const plainState = fc.dictionary(
  fc.string({ maxLength: 6 }).filter((key) => key !== '__proto__'),
  fc.oneof(fc.integer(), fc.double(), fc.string(), fc.bigInt(), fc.date(), fc.array(fc.nat())),
  { noNullPrototype: true },
)

describe('codec: dirty detection', () => {
  it('a state and its copy have the same bytes', () => {
    fc.assert(
      fc.property(plainState, (state) => {
        assert.deepEqual(codec.encode(structuredClone(state)), codec.encode(state))
      }),
      { numRuns: 1_000 },
    )
  })

  it('a state that changed in one field has other bytes and another hash', () => {
    fc.assert(
      fc.property(plainState, fc.integer(), fc.integer(), (state, before, after) => {
        fc.pre(before !== after)
        const first = codec.encode({ ...state, score: before })
        const second = codec.encode({ ...state, score: after })
        assert.notDeepEqual(first, second)
        assert.notDeepEqual(hash128(first), hash128(second))
      }),
      { numRuns: 1_000 },
    )
  })
})

/** One thing that is written by hand, and how it is read. */
type Piece =
  | { readonly kind: 'u8' | 'u32' | 'i32' | 'varuint' | 'f64'; readonly value: number }
  | { readonly kind: 'string' | 'name'; readonly value: string }
  | { readonly kind: 'bytes'; readonly value: Uint8Array }
  | { readonly kind: 'value'; readonly value: unknown }

const anyPiece: fc.Arbitrary<Piece> = fc.oneof(
  fc.record({ kind: fc.constant('u8' as const), value: fc.nat({ max: 255 }) }),
  fc.record({ kind: fc.constant('u32' as const), value: fc.nat({ max: 2 ** 32 - 1 }) }),
  fc.record({ kind: fc.constant('i32' as const), value: fc.integer() }),
  fc.record({ kind: fc.constant('varuint' as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant('f64' as const), value: fc.double() }),
  fc.record({ kind: fc.constantFrom('string', 'name'), value: fc.string({ unit: 'binary' }) }),
  fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array() }),
  fc.record({ kind: fc.constant('value' as const), value: anyValue }),
)

function writePiece(writer: Writer, piece: Piece): void {
  switch (piece.kind) {
    case 'string':
    case 'name':
      return writer.string(piece.value)
    case 'bytes':
      return writer.bytes(piece.value)
    case 'value':
      return assert.equal(writer.value(piece.value), undefined)
    default:
      return writer[piece.kind](piece.value)
  }
}

describe('writer and reader: messages written by hand', () => {
  it('are read by hand, whatever they are made of', () => {
    const writer = codec.createWriter()
    const reader = codec.createReader()
    fc.assert(
      fc.property(fc.array(anyPiece, { maxLength: 6 }), (pieces) => {
        writer.reset()
        for (const one of pieces) writePiece(writer, one)
        reader.reset(writer.take())
        const copies = pieces.map(({ kind }) => reader[kind]())
        assert.equal(reader.failed, false)
        assert.equal(reader.at, reader.end)
        for (const [i, copy] of copies.entries()) assertSameGraph(copy, pieces[i]?.value)
      }),
      { numRuns: 1_000 },
    )
  })

  it('security 9: that are cut fail, and never answer with more than was there', () => {
    fc.assert(
      fc.property(fc.array(anyPiece, { minLength: 1, maxLength: 4 }), fc.nat(), (pieces, cut) => {
        const writer = codec.createWriter()
        for (const one of pieces) writePiece(writer, one)
        const bytes = writer.take()
        const reader = codec.createReader()
        reader.reset(bytes, 0, cut % bytes.length)
        for (const { kind } of pieces) reader[kind]()
        assert.ok(reader.failed)
        assert.ok(reader.problemAt <= cut % bytes.length)
      }),
      { numRuns: 1_000 },
    )
  })
})
