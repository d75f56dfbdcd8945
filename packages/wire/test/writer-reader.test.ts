import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Reader } from '#src/reader.ts'
import { Writer } from '#src/writer.ts'
import { bytesFromHex, hexFromBytes } from './hex.ts'

function written(write: (writer: Writer) => void): string {
  const writer = new Writer()
  write(writer)
  return hexFromBytes(writer.take())
}

function readerOf(hex: string): Reader {
  const reader = new Reader()
  reader.reset(bytesFromHex(hex))
  return reader
}

describe('writer: golden bytes', () => {
  it('of what a message is written with by hand', () => {
    assert.equal(
      written((writer) => writer.u8(0xff)),
      'ff',
    )
    assert.equal(
      written((writer) => writer.u32(0xfffefdfc)),
      'fcfdfeff',
    )
    assert.equal(
      written((writer) => writer.i32(-2)),
      'feffffff',
    )
    assert.equal(
      written((writer) => writer.f64(1.5)),
      '000000000000f83f',
    )
    assert.equal(
      written((writer) => writer.string('bob')),
      'a3626f62',
    )
    assert.equal(
      written((writer) => writer.bytes(Uint8Array.of(1))),
      'c40101',
    )
    assert.equal(
      written((writer) => writer.raw(Uint8Array.of(1))),
      '01',
    )
    assert.equal(
      written((writer) => writer.value([1])),
      '9101',
    )
  })

  it('of whole numbers', () => {
    const golden = [
      [0, '00'],
      [127, '7f'],
      [128, '8001'],
      [16_384, '808001'],
    ] as const
    for (const [value, hex] of golden)
      assert.equal(
        written((w) => w.varuint(value)),
        hex,
      )
    assert.equal(
      written((w) => w.varuint(2 ** 32)),
      '8080808010',
    )
    assert.equal(
      written((w) => w.varuint(Number.MAX_SAFE_INTEGER)),
      'ffffffffffffff0f',
    )
  })
})

describe('writer and reader', () => {
  it('whole numbers arrive', () => {
    const writer = new Writer()
    const reader = new Reader()
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat({ max: 53 }), (value, shift) => {
        const small = Math.floor(value / 2 ** shift)
        writer.reset()
        writer.varuint(small)
        reader.reset(writer.take())
        assert.equal(reader.varuint(), small)
        assert.equal(reader.at, reader.end)
      }),
      { numRuns: 2_000 },
    )
  })

  it('a message written by hand is read by hand', () => {
    const writer = new Writer()
    writer.u8(7)
    writer.u32(2 ** 32 - 1)
    writer.i32(-(2 ** 31))
    writer.f64(-0)
    writer.string('Player')
    writer.string('\ud800')
    writer.bytes(Uint8Array.of(9, 8))
    writer.arrayHeader(300)
    writer.mapHeader(70_000)
    writer.raw(Uint8Array.of(1, 2))
    const reader = new Reader()
    reader.reset(writer.take())
    assert.equal(reader.u8(), 7)
    assert.equal(reader.u32(), 2 ** 32 - 1)
    assert.equal(reader.i32(), -(2 ** 31))
    assert.ok(Object.is(reader.f64(), -0))
    assert.equal(reader.name(), 'Player')
    assert.equal(reader.name(), '\ud800')
    assert.deepEqual(reader.bytes(), Uint8Array.of(9, 8))
    assert.equal(reader.arrayHeader(), 300)
    assert.equal(reader.mapHeader(), 70_000)
    assert.deepEqual(reader.raw(2), Uint8Array.of(1, 2))
    assert.equal(reader.failed, false)
    assert.equal(reader.at, reader.end)
  })

  it('texts and names are the same, whatever their length', () => {
    for (const text of [
      '',
      'a',
      'é',
      'x'.repeat(31),
      'x'.repeat(32),
      '日'.repeat(40),
      'y'.repeat(300),
    ]) {
      const reader = readerOf(written((writer) => writer.string(text)).repeat(3))
      assert.deepEqual([reader.string(), reader.name(), reader.name()], [text, text, text])
    }
  })
})

describe('writer', () => {
  it('keeps what it wrote while it grows', () => {
    const writer = new Writer()
    for (let i = 0; i < 10_000; i += 1) writer.u32(i)
    const reader = new Reader()
    reader.reset(writer.take())
    for (let i = 0; i < 10_000; i += 1) assert.equal(reader.u32(), i)
  })

  it('gives a large buffer back', () => {
    const writer = new Writer()
    writer.raw(new Uint8Array(2_000_000))
    writer.reset()
    assert.equal(writer.buffer.length, 512)
    writer.raw(new Uint8Array(500_000))
    const kept = writer.buffer
    writer.reset()
    assert.equal(writer.buffer, kept)
  })
})

describe('reader: bytes that end too early', () => {
  const reads: Record<string, (reader: Reader) => unknown> = {
    u8: (reader) => reader.u8(),
    u32: (reader) => reader.u32(),
    i32: (reader) => reader.i32(),
    f64: (reader) => reader.f64(),
    varuint: (reader) => reader.varuint(),
    string: (reader) => reader.string(),
    name: (reader) => reader.name(),
    bytes: (reader) => reader.bytes().length,
    raw: (reader) => reader.raw(1).length,
    arrayHeader: (reader) => reader.arrayHeader(),
    mapHeader: (reader) => reader.mapHeader(),
    value: (reader) => reader.value(),
  }

  it('fail each read, which answers with nothing', () => {
    for (const [name, read] of Object.entries(reads)) {
      const reader = readerOf('')
      const answer = read(reader)
      assert.ok(answer === 0 || answer === '' || answer === undefined, name)
      assert.ok(reader.failed, name)
    }
  })

  it('fail once: the first problem stays, and nothing can be read after it', () => {
    const reader = readerOf('01 02 03')
    reader.u8()
    reader.f64()
    reader.fail('something else')
    assert.deepEqual([reader.problem, reader.problemAt], ['the bytes end too early', 1])
    assert.deepEqual([reader.u8(), reader.value(), reader.string()], [0, undefined, ''])
  })

  it('do not bind the next ones', () => {
    const reader = readerOf('')
    reader.u8()
    reader.reset(bytesFromHex('05'))
    assert.equal(reader.u8(), 5)
    assert.deepEqual([reader.failed, reader.problem], [false, ''])
  })

  it('are those before the end that was named', () => {
    const reader = new Reader()
    reader.reset(bytesFromHex('01 02 03'), 1, 2)
    assert.equal(reader.u8(), 2)
    assert.equal(reader.has(1), false)
    reader.reset(bytesFromHex('01 02 03'), 0, 99)
    assert.equal(reader.end, 3)
  })
})

describe('reader: what is not what was asked for', () => {
  it('fails', () => {
    assert.match(
      problemOf('ff ff ff ff ff ff ff 1f', (reader) => reader.varuint()),
      /beyond 2⁵³/,
    )
    assert.match(
      problemOf('80'.repeat(9), (reader) => reader.varuint()),
      /beyond 2⁵³/,
    )
    assert.match(
      problemOf('01', (reader) => reader.string()),
      /no text/,
    )
    assert.match(
      problemOf('d4 00 00', (reader) => reader.name()),
      /no text/,
    )
    assert.match(
      problemOf('a1 61', (reader) => reader.bytes()),
      /no bytes/,
    )
    assert.match(
      problemOf('80', (reader) => reader.arrayHeader()),
      /no array/,
    )
    assert.match(
      problemOf('90', (reader) => reader.mapHeader()),
      /no map/,
    )
    assert.match(
      problemOf('c4 05 00', (reader) => reader.bytes()),
      /too early/,
    )
    assert.match(
      problemOf('a1 ff', (reader) => reader.name()),
      /not UTF-8/,
    )
  })

  function problemOf(hex: string, read: (reader: Reader) => unknown): string {
    const reader = readerOf(hex)
    read(reader)
    return reader.problem
  }
})
