import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import { runInNewContext } from 'node:vm'
import { MESSAGE_LIMITS } from '#src/limits.ts'
import type { CodecLimits } from '#src/limits.ts'
import { Reader } from '#src/reader.ts'
import { Writer } from '#src/writer.ts'
import { SampleRef, sampleRefs } from './sample-ref.ts'
import { assertSameGraph } from './same-graph.ts'

class Sword {
  damage = 3
}

class PlayerMap extends Map<string, number> {}
class PlayerList extends Array<number> {}
class LaterDate extends Date {}

function problemOf(value: unknown, limits: Partial<CodecLimits> = {}): string {
  const problem = new Writer({ limits: { ...MESSAGE_LIMITS, ...limits } }).value(value)
  return problem === undefined ? 'none' : `${problem.path}: ${problem.found}`
}

function roundTrip(value: unknown): unknown {
  const writer = new Writer({ refs: sampleRefs })
  assert.equal(writer.value(value), undefined)
  const reader = new Reader({ refs: sampleRefs })
  reader.reset(writer.take())
  return reader.value()
}

describe('value encoder: what is no data', () => {
  const refused: readonly (readonly [value: unknown, found: string])[] = [
    [() => 1, 'a function'],
    [Sword, 'a function'],
    [Symbol('x'), 'a symbol'],
    [new Sword(), 'an instance of Sword'],
    [new PlayerMap(), 'an instance of PlayerMap'],
    [new PlayerList(), 'an instance of PlayerList'],
    [new LaterDate(), 'an instance of LaterDate'],
    [/x/, 'an instance of RegExp'],
    [new WeakMap(), 'an instance of WeakMap'],
    [Promise.resolve(), 'an instance of Promise'],
    [new DataView(new ArrayBuffer(1)), 'an instance of DataView'],
    [new SharedArrayBuffer(1), 'an instance of SharedArrayBuffer'],
    [new Proxy(new Map(), {}), 'an instance of Map'],
    [new Proxy(new Sword(), {}), 'an instance of Sword'],
    [Object.create(Map.prototype), 'an instance of Map'],
    [Object.create(Date.prototype), 'an instance of Date'],
    [Object.create(Array.prototype), 'an instance of Array'],
    [Object.create({ inherited: 1 }), 'an instance of Object'],
    [Object.create(Object.create(null) as object), 'an object without a class name'],
    [Object(1), 'an instance of Number'],
    [(function* () {})(), 'a Generator'],
    [structuredCloneAndDetach(new ArrayBuffer(1)), 'a detached ArrayBuffer'],
    [detachedView(), 'a detached ArrayBuffer'],
    [JSON.parse('{"__proto__":1}'), 'a field named __proto__'],
    [new SampleRef('Player', 'bob'), 'an instance of SampleRef'],
  ]

  it('is refused by name', () => {
    for (const [value, found] of refused) assert.equal(problemOf(value), `: ${found}`)
  })

  it('is found wherever it is', () => {
    const bad = (): void => {}
    const cases: readonly (readonly [value: unknown, path: string])[] = [
      [{ inventory: [0, 1, 2, { onUse: bad }] }, 'inventory[3].onUse'],
      [{ 'odd key': { '': bad } }, '["odd key"][""]'],
      [[[bad]], '[0][0]'],
      [{ scores: new Map([['bob', bad]]) }, 'scores.get("bob")'],
      [{ scores: new Map([[7n, [bad]]]) }, 'scores.get(7)[0]'],
      [{ scores: new Map([[{}, bad]]) }, 'scores.get(key 0)'],
      [
        {
          scores: new Map<unknown, unknown>([
            ['a', 1],
            [{ deep: bad }, 2],
          ]),
        },
        'scores.keys()[1].deep',
      ],
      [{ tags: new Set([1, bad]) }, 'tags.values()[1]'],
      [Object.assign(new Error('x'), { data: { socket: bad } }), 'data.socket'],
      [Object.assign(new Error('x'), { code: bad }), 'code'],
    ]
    for (const [value, path] of cases) assert.equal(problemOf(value), `${path}: a function`)
  })

  it('is found in what occurs twice too, once', () => {
    const shared = { deep: { bad: Symbol('x') } }
    assert.equal(problemOf({ first: shared, second: shared }), 'first.deep.bad: a symbol')
  })
})

describe('value encoder: a refused value', () => {
  it('leaves nothing written', () => {
    const writer = new Writer()
    writer.string('before')
    const { length } = writer
    assert.equal(writer.value(['x'.repeat(10_000), { a: [Symbol('x')] }])?.path, '[1].a[0]')
    assert.equal(writer.length, length)
    assert.equal(writer.value(1), undefined)
    assert.equal(writer.length, length + 1)
  })

  it('whose getter throws leaves nothing written, and the error passes through', () => {
    const writer = new Writer()
    const value = {
      a: [1, 2, 3],
      get b(): never {
        throw new TypeError('not now')
      },
    }
    assert.throws(() => writer.value(value), { name: 'TypeError', message: 'not now' })
    assert.equal(writer.length, 0)
    assert.equal(writer.value([1]), undefined)
  })

  it('whose getter writes to the same writer is a mistake, and told', () => {
    const writer = new Writer()
    const value = {
      get a() {
        return writer.value(1)
      },
    }
    assert.throws(() => writer.value(value), { message: /getter wrote to the writer/ })
    assert.equal(writer.length, 0)
  })
})

describe('value encoder: limits', () => {
  const nested = (levels: number): unknown => {
    let value: unknown = []
    for (let i = 1; i < levels; i += 1) value = i % 2 === 0 ? [value] : { next: value }
    return value
  }

  it('security 41: 64 levels pass and 65 are refused', () => {
    assert.equal(problemOf(nested(64)), 'none')
    assert.match(problemOf(nested(65)), /^\[0\]\.next.*: nested deeper than 64 levels$/)
  })

  it('an endless value is refused like a deep one', () => {
    const endless = (): object => ({
      get next() {
        return endless()
      },
    })
    assert.match(problemOf(endless()), /nested deeper than 64 levels$/)
  })

  it('security 41: as many elements as are allowed pass, in all containers together', () => {
    const value = [new Set([1, 2]), new Map([[1, { a: 1 }]]), 'five', 'six']
    assert.equal(problemOf(value, { elementsMax: 8 }), 'none')
    assert.equal(problemOf(value, { elementsMax: 7 }), '[1].get(1): more than 7 elements')
    assert.equal(problemOf(new Array(100_001)), ': more than 100000 elements')
  })

  it('the whole size counts, not the single one', () => {
    assert.equal(problemOf(['x'.repeat(40), 'y'.repeat(40)], { bytesMax: 85 }), 'none')
    assert.equal(
      problemOf(['x'.repeat(40), 'y'.repeat(40)], { bytesMax: 80 }),
      '[1]: more than 80 bytes',
    )
    assert.match(problemOf(new Uint8Array(101), { bytesMax: 100 }), /more than 100 bytes/)
    assert.match(problemOf(new Float64Array(13), { bytesMax: 100 }), /more than 100 bytes/)
    assert.match(problemOf(new ArrayBuffer(101), { bytesMax: 100 }), /more than 100 bytes/)
    assert.match(problemOf([1, 2, 3, 4, 5], { bytesMax: 5 }), /more than 5 bytes/)
  })

  it('a text of 100 MB is refused before it is copied', () => {
    const writer = new Writer()
    assert.equal(writer.value('x'.repeat(100_000_000))?.isTooLarge, true)
    assert.equal(writer.buffer.length, 512)
  })

  it('a BigInt may be as long as is said', () => {
    const value = 2n ** (8n * 20n)
    assert.equal(problemOf(value - 1n, { bigintBytesMax: 20 }), 'none')
    assert.equal(problemOf(-value, { bigintBytesMax: 20 }), ': a BigInt of more than 20 bytes')
  })
})

describe('value encoder: objects', () => {
  it('without a prototype become plain ones', () => {
    const bare = Object.assign(Object.create(null) as object, { a: 1 })
    assertSameGraph(roundTrip(bare), { a: 1 })
  })

  it('keep the order of their fields, and so their bytes', () => {
    const writer = new Writer()
    writer.value({ b: 1, a: 2 })
    const first = writer.take()
    writer.reset()
    writer.value({ a: 2, b: 1 })
    assert.notDeepEqual(writer.take(), first)
    assert.deepEqual(Object.keys(roundTrip({ b: 1, a: 2 }) as object), ['b', 'a'])
  })

  it('security 13: keep fields that have the names of built-in ones', () => {
    const value = { constructor: 1, toString: 2, then: 3, hasOwnProperty: 4, prototype: 5 }
    assertSameGraph(roundTrip(value), value)
  })

  it('give what their accessors give, and no symbols and hidden fields', () => {
    const value = { a: 1, [Symbol('s')]: 2 }
    Object.defineProperty(value, 'hidden', { value: 3 })
    Object.defineProperty(value, 'got', { get: () => 4, enumerable: true })
    assertSameGraph(roundTrip(value), { a: 1, got: 4 })
  })

  it('of other realms are as our own', () => {
    const value: unknown = runInNewContext(`({
      list: [1, , new Map([[1, new Set(['a'])]])],
      when: new Date(7),
      bytes: [new Uint8Array([1]), new Int16Array([2]), new Uint8Array([3]).buffer],
      bare: Object.create(null),
      error: Object.assign(new TypeError('far'), { code: 'E' }),
    })`)
    const copy = roundTrip(value) as Record<string, unknown>
    assertSameGraph(copy, {
      // eslint-disable-next-line no-sparse-arrays -- a hole is what is meant
      list: [1, , new Map([[1, new Set(['a'])]])],
      when: new Date(7),
      bytes: [Uint8Array.of(1), Int16Array.of(2), Uint8Array.of(3).buffer],
      bare: {},
      error: Object.assign(new TypeError('far'), { code: 'E' }),
    })
  })

  it('of a class of another realm are refused', () => {
    const value: unknown = runInNewContext('new (class Spy { a = 1 })()')
    assert.equal(problemOf(value), ': an instance of Spy')
  })

  it('behind a proxy are as they look', () => {
    assertSameGraph(roundTrip(new Proxy({ a: [1] }, {})), { a: [1] })
    assertSameGraph(roundTrip(new Proxy([1, 2], {})), [1, 2])
  })
})

describe('value encoder: bytes', () => {
  it('of a Buffer arrive as a Uint8Array of just those', () => {
    assertSameGraph(roundTrip(Buffer.from('abc')), Uint8Array.of(97, 98, 99))
  })

  it('of a part of a buffer arrive as a whole one', () => {
    const part = new Uint16Array(Uint16Array.of(1, 2, 3, 4).buffer, 2, 2)
    const copy = roundTrip(part)
    assertSameGraph(copy, Uint16Array.of(2, 3))
    assert.equal((copy as Uint16Array).buffer.byteLength, 4)
  })

  it('of every size arrive', () => {
    for (const size of [0, 1, 255, 256, 65_535, 65_536, 300_000]) {
      const bytes = new Uint8Array(size).map((_, i) => i)
      const value = [bytes, new Int8Array(bytes), bytes.buffer]
      assertSameGraph(roundTrip(value), value)
    }
  })
})

describe('value encoder: containers of every size', () => {
  it('arrive', () => {
    for (const size of [15, 16, 255, 256, 65_535, 65_536]) {
      const list = Array.from({ length: size }, (_, i) => i)
      const value = [list, new Set(list), new Map(list.map((i) => [i, `${i}`]))]
      const writer = new Writer({ limits: { ...MESSAGE_LIMITS, elementsMax: 1_000_000 } })
      const reader = new Reader({ limits: { ...MESSAGE_LIMITS, elementsMax: 1_000_000 } })
      assert.equal(writer.value(value), undefined)
      reader.reset(writer.take())
      assertSameGraph(reader.value(), value)
    }
  })
})

describe('value encoder: refs', () => {
  it('are values: each occurrence is written out', () => {
    const ref = new SampleRef('Player', 'bob')
    const copy = roundTrip([ref, new Map([[ref, { ref }]])]) as [SampleRef, Map<SampleRef, object>]
    assert.deepEqual(SampleRef.parts(copy[0]), { type: 'Player', id: 'bob' })
    assert.deepEqual(
      [...copy[1].keys()].map((key) => SampleRef.parts(key)),
      [{ type: 'Player', id: 'bob' }],
    )
  })

  it('may be callable', () => {
    const callable = (): void => {}
    const writer = new Writer({
      refs: {
        isRef: (value) => (value === callable ? { type: 'Player', id: 'é\ud800' } : undefined),
        createRef: () => undefined,
      },
    })
    const reader = new Reader({ refs: sampleRefs })
    assert.equal(writer.value({ callable }), undefined)
    reader.reset(writer.take())
    const { callable: copy } = reader.value() as { callable: SampleRef }
    assert.deepEqual(SampleRef.parts(copy), { type: 'Player', id: 'é\ud800' })
    assert.equal(writer.value({ other: () => 1 })?.found, 'a function')
  })
})

function structuredCloneAndDetach(buffer: ArrayBuffer): ArrayBuffer {
  structuredClone(buffer, { transfer: [buffer] })
  return buffer
}

function detachedView(): Uint16Array {
  const view = Uint16Array.of(1)
  structuredCloneAndDetach(view.buffer)
  return view
}

describe('value encoder: a list of fields', () => {
  function bytesOfFields(names: readonly string[], values: readonly unknown[]): Uint8Array {
    const writer = new Writer({ refs: sampleRefs })
    assert.equal(writer.fields(names, values), undefined)
    return writer.take()
  }

  it('has the bytes of the plain object with these fields, whatever they hold', () => {
    const shared = { deep: [1] }
    const object = { score: 3, 'a b': 'text', list: [shared, shared], none: undefined, big: 2n }
    const writer = new Writer({ refs: sampleRefs })
    assert.equal(writer.value(object), undefined)
    assert.deepEqual(bytesOfFields(Object.keys(object), Object.values(object)), writer.take())
  })

  it('is refused with the path of the field, and nothing of it is written', () => {
    const writer = new Writer()
    const nested = { onUse: () => 1 }
    assert.equal(writer.fields(['score', 'bag'], [3, [nested]])?.path, 'bag[0].onUse')
    assert.equal(writer.fields(['__proto__'], [1])?.found, 'a field named __proto__')
    assert.equal(writer.length, 0)
  })

  it('counts against the limits', () => {
    const writer = new Writer({ limits: { ...MESSAGE_LIMITS, elementsMax: 1 } })
    assert.equal(writer.fields(['a', 'b'], [1, 2])?.found, 'more than 1 elements')
  })
})
