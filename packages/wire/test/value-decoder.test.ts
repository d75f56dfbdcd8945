import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createCodec } from '#src/codec.ts'
import type { DecodeResult } from '#src/codec.ts'
import type { CodecLimits } from '#src/limits.ts'
import { anyValue } from './arbitrary-value.ts'
import { bytesFromHex } from './hex.ts'
import { sampleRefs } from './sample-ref.ts'
import { assertSameGraph } from './same-graph.ts'

const codec = createCodec({ refs: sampleRefs })

function decodeHex(hex: string, limits?: Partial<CodecLimits>): DecodeResult {
  const some = limits === undefined ? codec : createCodec({ refs: sampleRefs, limits })
  return some.decode(bytesFromHex(hex))
}

function problemOf(hex: string, limits?: Partial<CodecLimits>): string {
  const result = decodeHex(hex, limits)
  return result.ok ? 'none' : `${result.offset}: ${result.problem}`
}

/** The steps of a small generator, so that a failing seed can be replayed. */
function stepsFrom(seed: number): (below: number) => number {
  let state = seed | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

/** Flips, overwrites, cuts, doubles or swaps a part of the bytes. */
function mutated(bytes: Uint8Array, step: (below: number) => number): Uint8Array {
  const copy = [...bytes]
  for (let times = step(3); times >= 0; times -= 1) {
    const at = step(copy.length + 1)
    const part = copy.slice(at, at + step(8))
    const kind = step(5)
    if (kind === 0) copy[at] = (copy[at] ?? 0) ^ (1 << step(8))
    else if (kind === 1) copy[at] = step(256)
    else if (kind === 2) copy.length = Math.min(copy.length, at)
    else if (kind === 3) copy.splice(at, 0, ...part)
    else copy.push(...copy.splice(at, part.length))
  }
  return Uint8Array.from(copy)
}

describe('value decoder: hostile bytes', () => {
  it('security 9: of any kind never make it throw', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const step = stepsFrom(seed)
        for (let i = 0; i < 100; i += 1) {
          const bytes = Uint8Array.from({ length: step(40) }, () => step(256))
          const result = codec.decode(bytes)
          assert.ok(result.ok || (result.offset >= 0 && result.offset <= bytes.length))
        }
      }),
      { numRuns: 600 },
    )
  })

  it('security 9: made from real ones never make it throw, and what passes can be sent on', () => {
    fc.assert(
      fc.property(anyValue, fc.integer(), (value, seed) => {
        const bytes = codec.encode(value)
        const step = stepsFrom(seed)
        for (let i = 0; i < 50; i += 1) {
          const result = codec.decode(mutated(bytes, step))
          if (result.ok) codec.encode(result.value)
          else assert.notEqual(result.problem, '')
        }
      }),
      { numRuns: 1_500 },
    )
  })

  it('security 9: cut anywhere are refused', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = codec.encode(value)
        for (let end = 0; end < bytes.length; end += 1 + (end >> 4)) {
          const result = codec.decode(bytes, 0, end)
          assert.ok(!result.ok, 'a part of a value is no value')
        }
      }),
      { numRuns: 500 },
    )
  })

  it('of every first byte, followed by anything alike, get an answer', () => {
    for (let first = 0; first < 256; first += 1) {
      for (const second of [0x00, 0x01, 0x7f, 0x80, 0xff]) {
        const result = codec.decode(Uint8Array.from({ length: 20 }, (_, i) => (i ? second : first)))
        assert.equal(typeof result.ok, 'boolean')
      }
    }
  })
})

describe('value decoder: all short inputs', () => {
  it('security 9: of up to two bytes get an answer, and few of them are a value', () => {
    let accepted = 0
    for (let pair = 0; pair < 0x10000; pair += 1) {
      const bytes = Uint8Array.of(pair >> 8, pair & 0xff)
      for (const end of [1, 2]) if (codec.decode(bytes, 0, end).ok) accepted += 1
    }
    // Small integers, empty containers and texts, null, false and true.
    const ofOneByte = 128 + 32 + 3 + 3
    // uint8, int8, a text of one character, an array of one of the above, no bytes, no text.
    const ofTwoBytes = 256 + 256 + 128 + ofOneByte + 1 + 1
    assert.equal(accepted, ofOneByte * 256 + ofTwoBytes)
  })

  it('security 41: that begin an extension get an answer, and only known ones are a value', () => {
    const types = new Set<number>()
    for (const tag of [0xc7, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8]) {
      for (let type = 0; type < 256; type += 1) {
        for (const fill of [0x00, 0x01, 0x80, 0x90, 0xa0, 0xa1]) {
          const header = tag === 0xc7 ? [tag, 1, type] : [tag, type]
          const payload = new Array<number>(1 << Math.max(0, tag - 0xd4)).fill(fill)
          if (codec.decode(Uint8Array.from([...header, ...payload])).ok) types.add(type)
        }
      }
    }
    // An error (7) has five parts, more than fit here; 255 is MessagePack's timestamp.
    const known = [0, 1, 2, 3, 4, 5, 6, 8, 9, 255]
    assert.deepEqual(types, new Set(known))
  })
})

describe('value decoder: declared sizes', () => {
  it('security 8: are checked against the bytes that are there', () => {
    const cases = [
      ['dd ffffffff', 'an array of 2³² items'],
      ['df ffffffff', 'a map'],
      ['df 00000002 a161', 'a map whose entries cannot fit'],
      ['db ffffffff 61', 'a text'],
      ['c6 ffffffff', 'bytes'],
      ['c9 ffffffff 03', 'a buffer'],
      ['c9 ffffffff 05 df ffffffff', 'a Map'],
      ['c7 06 05 df ffffffff 00', 'a Map within its extension'],
      ['c7 06 06 dd ffffffff 00', 'a Set within its extension'],
      ['c7 05 01 00d8', 'units'],
      ['c7 05 08 a6 506c', 'a ref'],
    ]
    for (const [hex, what] of cases) {
      assert.match(problemOf(hex!), /the bytes end too early$/, what)
    }
  })

  it('security 8: of an extension bound what is inside it', () => {
    assert.equal(problemOf('92 c7 02 06 92 01 02'), '5: the bytes end too early')
    assert.equal(
      problemOf('92 c7 04 06 91 01 02 03 04'),
      '6: an extension longer than what it holds',
    )
    assert.equal(problemOf('c7 02 00 00 00'), '4: an extension longer than what it holds')
  })

  it('security 41: of all containers together bound what is allocated', () => {
    const inner = `dd 00010000 ${'c0'.repeat(65_536)}`
    assert.equal(problemOf(`91 ${inner}`), 'none')
    assert.match(problemOf(`92 ${inner} ${inner}`), /more elements than are allowed$/)
    assert.match(problemOf('93 01 01 01', { elementsMax: 2 }), /more elements/)
    assert.match(problemOf('82 a0 01 a161 91 01', { elementsMax: 2 }), /more elements/)
    assert.match(problemOf('c7 03 06 92 01 02', { elementsMax: 1 }), /more elements/)
    assert.match(problemOf('c7 03 05 81 01 02', { elementsMax: 0 }), /more elements/)
  })

  it('may be limited as a whole', () => {
    assert.equal(problemOf('a3 616263', { bytesMax: 4 }), 'none')
    assert.equal(problemOf('a4 61626364', { bytesMax: 4 }), '0: a value of too many bytes')
  })

  it('of a BigInt are bounded', () => {
    assert.equal(problemOf('c7 04 02 00 ffffff', { bigintBytesMax: 3 }), 'none')
    assert.match(problemOf('c7 05 02 00 ffffffff', { bigintBytesMax: 3 }), /too many bytes$/)
  })
})

describe('value decoder: depth', () => {
  const kinds = [
    ['arrays', '91', ''],
    ['objects', '81a161', ''],
    ['sets', 'c9%06 91', ''],
    ['maps', 'c9%05 81 01', ''],
    ['marked arrays', 'c9%09 91', ''],
    ['errors', 'c9%07 a0 a0 a0', 'c0'],
  ] as const

  /** Levels of a container, the innermost holding null; `%` is where four bytes of a size go. */
  function nested(open: string, close: string, levels: number): string {
    let hex = 'c0'
    for (let i = 0; i < levels; i += 1) {
      const [before, after] = open.split('%')
      const inside = (after ?? before!).replaceAll(' ', '') + hex + close
      const size = (inside.length / 2 - 1).toString(16).padStart(8, '0')
      hex = after === undefined ? inside : before + size + inside
    }
    return hex
  }

  for (const [name, open, close] of kinds) {
    it(`security 41: of ${name} is at most 64`, () => {
      assert.equal(problemOf(nested(open, close, 64)), 'none')
      assert.match(problemOf(nested(open, close, 65)), /: nested deeper than is allowed$/)
    })
  }

  it('security 41: of a million arrays costs no stack', () => {
    assert.equal(problemOf('91'.repeat(1_000_000)), '65: nested deeper than is allowed')
  })

  it('security 41: of extensions that are no containers does not grow', () => {
    const marks = ['ff', 'f0', 'e0'].map((size) => `c7 ${size} 09`).join('')
    assert.equal(problemOf(marks + '00'.repeat(255)), '6: a mark upon a mark')
    assert.equal(problemOf('c7 04 0a c7 01 0a 00'), '5: a number that marks nothing')
  })
})

describe('value decoder: prototypes', () => {
  it('security 13: a field named __proto__ is refused', () => {
    assert.equal(problemOf('81 a9 5f5f70726f746f5f5f 80'), '1: a field named __proto__')
    assert.equal(problemOf('81 d9 09 5f5f70726f746f5f5f 80'), '1: a field named __proto__')
  })

  it('security 13: a Map may have such a key, and stays a Map', () => {
    const result = decodeHex('c7 0c 05 81 a9 5f5f70726f746f5f5f 80')
    assertSameGraph(result, { ok: true, value: new Map([['__proto__', {}]]) })
  })

  it('security 12: names of built-in fields are fields like others', () => {
    const value = Object.fromEntries(
      ['constructor', 'toString', 'then', 'valueOf', 'hasOwnProperty'].map((key) => [key, 1]),
    )
    const result = codec.decode(codec.encode(value))
    assertSameGraph(result, { ok: true, value })
    assert.equal(({} as Record<string, unknown>)['then'], undefined)
  })

  it('security 12: names of errors and codes are looked up without prototypes', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'Function', 'EpicError']) {
      const error = Object.assign(new Error('m'), { name })
      const result = codec.decode(codec.encode(error))
      assert.ok(result.ok)
      assert.equal(Object.getPrototypeOf(result.value), Error.prototype)
      assert.equal((result.value as Error).name, name)
    }
    // An EpicError whose code is `toString`.
    const result = decodeHex('c7 11 07 a0 a0 a4 73616665 a8 746f537472696e67 80')
    assert.ok(result.ok)
    assert.equal(Object.getPrototypeOf(result.value), Error.prototype)
  })

  it('security 13: decoding twice never writes into the first result', () => {
    const bytes = codec.encode({ a: { b: [1] } })
    const first = codec.decode(bytes)
    assert.ok(first.ok)
    const { a } = first.value as { a: { b: number[] } }
    a.b.push(2)
    assertSameGraph(codec.decode(bytes), { ok: true, value: { a: { b: [1] } } })
  })
})

describe('value decoder: what it does not know', () => {
  it('security 41: is refused, with its place', () => {
    const cases = [
      ['', '0: the bytes end too early'],
      ['c1', '0: a byte that MessagePack never uses'],
      ['91 c1', '1: a byte that MessagePack never uses'],
      ['d4 0b 00', '1: an extension of no known type'],
      ['c7 00 7f', '2: an extension of no known type'],
      ['d4 fe 00', '1: an extension of no known type'],
      ['d4 00 03', '3: an atom of no known kind, or out of place'],
      ['d4 00 02', '3: an atom of no known kind, or out of place'],
      ['c7 02 04 0a 00', '4: a typed array of no known kind'],
      ['c7 04 04 02 000000', '4: a typed array that ends within an element'],
      ['c7 03 01 00d800', '3: half of a unit of text'],
      ['c7 01 02 00', '4: a BigInt without sign or digits'],
      ['c7 02 02 02 01', '5: a BigInt without sign or digits'],
      ['d5 ff 0000', '2: a timestamp of no known size'],
      ['d7 ff ffffffff 00000000', '10: a timestamp beyond all dates'],
      ['c7 0c ff 00000000 7fffffffffffffff', '15: a timestamp beyond all dates'],
      ['c7 08 08 a6 4e6f626f6479 a0', '3: a ref that cannot be made here'],
      ['81 01 02', '2: no text where text must be'],
      ['c7 02 05 90 00', '4: no map where one must be'],
      ['c7 01 06 80', '4: no array where one must be'],
    ]
    for (const [hex, problem] of cases) assert.equal(problemOf(hex!), problem, hex)
  })

  it('refs are refused where nothing makes them', () => {
    const result = createCodec().decode(bytesFromHex('c7 04 08 a1 50 a1 62'))
    assert.deepEqual(result, { ok: false, problem: 'a ref that cannot be made here', offset: 3 })
  })

  it('a RefCodec that throws does not make the decoder throw', () => {
    const createRef = (): never => {
      throw new TypeError('no such class')
    }
    const broken = createCodec({ refs: { isRef: () => undefined, createRef } })
    const result = broken.decode(bytesFromHex('c7 04 08 a1 50 a1 62'))
    assert.ok(!result.ok)
    assert.equal(result.problem, 'reading it threw TypeError')
  })

  it('bytes that are not UTF-8 are no text, wherever it stands', () => {
    const bad = ['80', 'c0 80', 'c1 bf', 'c3', 'c3 28', 'e0 80 80', 'e2 82', 'ed a0 80', 'ed b0 80']
    const worse = ['f0 80 80 80', 'f4 90 80 80', 'f5 80 80 80', 'f8 88 80 80 80', 'ff', 'fe']
    for (const hex of [...bad, ...worse]) {
      for (const pad of [0, 20, 3000]) {
        const bytes = '61'.repeat(pad) + hex.replaceAll(' ', '')
        const size = (bytes.length / 2).toString(16).padStart(8, '0')
        assert.equal(problemOf(`db ${size} ${bytes}`), '5: text that is not UTF-8', hex)
        assert.equal(problemOf(`81 db ${size} ${bytes} 01`), '6: text that is not UTF-8', hex)
      }
    }
  })
})

describe('value decoder: marks', () => {
  it('that mark nothing are refused', () => {
    const cases = [
      ['c7 01 0a 00', '4: a number that marks nothing'],
      ['92 c7 01 09 80 c7 01 0a 01', '9: a number that marks nothing'],
      ['c7 01 09 01', '4: a mark upon a value without identity'],
      ['c7 04 09 c7 01 0a 00', '7: a number that marks nothing'],
      ['c7 04 09 c7 02 09 90', '6: the bytes end too early'],
      ['c7 04 09 c7 01 09 90', '6: a mark upon a mark'],
      ['c7 08 09 c7 05 08 a1 50 a2 6262', '11: a mark upon a value without identity'],
    ]
    for (const [hex, problem] of cases) assert.equal(problemOf(hex!), problem, hex)
  })

  it('do not outlive the value', () => {
    assert.equal(problemOf('c7 01 09 90'), 'none')
    assert.equal(problemOf('c7 01 0a 00'), '4: a number that marks nothing')
  })
})

describe('value decoder: other encoders', () => {
  it('may write numbers in any of their forms', () => {
    const forms = ['05', 'cc05', 'cd0005', 'ce00000005', 'd005', 'd10005', 'd200000005']
    for (const hex of [...forms, 'ca40a00000', 'cb4014000000000000']) {
      assert.deepEqual(decodeHex(hex), { ok: true, value: 5 })
    }
    assert.deepEqual(decodeHex('d30000000000000005'), { ok: true, value: 5n })
    assert.deepEqual(decodeHex('cf0000000000000005'), { ok: true, value: 5n })
  })

  it('may write sizes in any of their forms', () => {
    for (const hex of ['a161', 'd90161', 'da000161', 'db0000000161']) {
      assert.deepEqual(decodeHex(hex), { ok: true, value: 'a' })
      assert.deepEqual(decodeHex(`81 ${hex} 01`), { ok: true, value: { a: 1 } })
    }
    for (const hex of ['9101', 'dc000101', 'dd0000000101', 'c7 02 06 91 01', 'd5 06 91 01']) {
      const result = decodeHex(hex)
      assert.ok(result.ok)
      assert.deepEqual([...(result.value as Iterable<unknown>)], [1])
    }
    for (const hex of ['d5 01 00d8', 'c7 02 01 00d8', 'c8 0002 01 00d8', 'c9 00000002 01 00d8']) {
      assert.deepEqual(decodeHex(hex), { ok: true, value: '\ud800' })
    }
  })

  it('may write timestamps with nanoseconds, which are cut off', () => {
    const result = decodeHex('d7 ff ee6b27fc 00000001')
    assertSameGraph(result, { ok: true, value: new Date(1999) })
  })
})

describe('value decoder: what it accepts', () => {
  it('stays within the limits, whatever the bytes', () => {
    const limits = { depthMax: 3, elementsMax: 10, bytesMax: 60, bigintBytesMax: 9 }
    const receiver = createCodec({ refs: sampleRefs, limits })
    // What came in a shorter form than our own may take more bytes again.
    const sender = createCodec({ refs: sampleRefs, limits: { ...limits, bytesMax: 120 } })
    let accepted = 0
    fc.assert(
      fc.property(anyValue, fc.integer(), (value, seed) => {
        const step = stepsFrom(seed)
        const bytes = codec.encode(value)
        for (let i = 0; i < 20; i += 1) {
          const result = receiver.decode(mutated(bytes, step))
          if (!result.ok) continue
          accepted += 1
          sender.encode(result.value)
        }
      }),
      { numRuns: 500 },
    )
    assert.ok(accepted > 100, `${accepted} cases say something`)
  })
})
