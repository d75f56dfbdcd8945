import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createCodec } from '#src/codec.ts'
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
