import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { beginFrame, endFrame, FrameSplitter } from '#src/frame.ts'
import { FRAME_BYTES_MAX } from '#src/limits.ts'
import { Writer } from '#src/writer.ts'
import { bytesFromHex, hexFromBytes } from './hex.ts'

/** The frames that a splitter gives for these chunks, as copies. */
function framesOf(splitter: FrameSplitter, chunks: readonly Uint8Array[]): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (const chunk of chunks) {
    splitter.handleChunk(chunk)
    for (let frame = splitter.pollFrame(); frame; frame = splitter.pollFrame()) {
      frames.push(frame.slice())
    }
  }
  return frames
}

function streamOf(frames: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer()
  for (const frame of frames) {
    const begin = beginFrame(writer)
    writer.raw(frame)
    endFrame(writer, begin)
  }
  return writer.take()
}

/** The bytes cut into chunks of these sizes, over and over. */
function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length]!
    chunks.push(bytes.slice(at, at + size))
    at += size
  }
  return chunks
}

const anyFrames = fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 8 })

describe('frame: golden bytes', () => {
  it('are a length in four bytes, lowest first, and the frame', () => {
    const stream = streamOf([Uint8Array.of(1, 2, 3), new Uint8Array(0), new Uint8Array(258)])
    assert.equal(
      hexFromBytes(stream),
      `03000000010203${'00000000'}${'02010000'}${'00'.repeat(258)}`,
    )
  })
})

describe('frame splitter: any chunking', () => {
  it('gives the frames that were sent', () => {
    fc.assert(
      fc.property(
        anyFrames,
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 }),
        (frames, sizes) => {
          assert.deepEqual(framesOf(new FrameSplitter(), cut(streamOf(frames), sizes)), frames)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('of one byte each gives the frames that were sent', () => {
    fc.assert(
      fc.property(anyFrames, (frames) => {
        assert.deepEqual(framesOf(new FrameSplitter(), cut(streamOf(frames), [1])), frames)
      }),
      { numRuns: 50 },
    )
  })

  it('with empty chunks between gives the frames that were sent', () => {
    const frames = [Uint8Array.of(1, 2), Uint8Array.of(3)]
    const chunks = cut(streamOf(frames), [3]).flatMap((chunk) => [new Uint8Array(0), chunk])
    assert.deepEqual(framesOf(new FrameSplitter(), chunks), frames)
  })
})

describe('frame splitter: states', () => {
  const splitters = {
    'between frames': [],
    'gathering a length': ['0200'],
    'gathering a frame': ['0200 0000 07'],
    broken: ['ffff ffff'],
  } as const

  function splitterIn(state: keyof typeof splitters): FrameSplitter {
    const splitter = new FrameSplitter()
    assert.deepEqual(framesOf(splitter, splitters[state].map(bytesFromHex)), [])
    return splitter
  }

  it('between frames: a whole frame is a view of the chunk, what follows is kept', () => {
    const splitter = splitterIn('between frames')
    const chunk = bytesFromHex('0100 0000 07 0100')
    splitter.handleChunk(chunk)
    const frame = splitter.pollFrame()
    assert.equal(frame?.buffer, chunk.buffer)
    assert.equal(frame?.byteOffset, 4)
    assert.equal(splitter.pollFrame(), undefined)
    assert.deepEqual(framesOf(splitter, [bytesFromHex('0000 08')]), [Uint8Array.of(8)])
  })

  it('gathering a length: the rest of it and the frame complete it', () => {
    const frames = framesOf(splitterIn('gathering a length'), [bytesFromHex('0000 0708')])
    assert.deepEqual(frames, [Uint8Array.of(7, 8)])
  })

  it('gathering a frame: the rest completes it, and frames behind it are views again', () => {
    const splitter = splitterIn('gathering a frame')
    const chunk = bytesFromHex('08 0100 0000 09')
    splitter.handleChunk(chunk)
    assert.deepEqual(splitter.pollFrame(), Uint8Array.of(7, 8))
    assert.equal(splitter.pollFrame()?.buffer, chunk.buffer)
    assert.equal(splitter.pollFrame(), undefined)
  })

  it('broken: drops all that comes', () => {
    const splitter = splitterIn('broken')
    assert.equal(splitter.problem, `a frame of 4294967295 of at most ${FRAME_BYTES_MAX} bytes`)
    assert.deepEqual(framesOf(splitter, [bytesFromHex('0100 0000 07'), bytesFromHex('01')]), [])
    assert.notEqual(splitter.problem, undefined)
  })

  it('a chunk before the frames of the last were taken is a mistake, and told', () => {
    const splitter = new FrameSplitter()
    splitter.handleChunk(bytesFromHex('0000 0000'))
    assert.throws(() => splitter.handleChunk(new Uint8Array(1)), { message: /not all taken/ })
  })
})

describe('frame splitter: hostile streams', () => {
  it('security 8: a length over the limit is told at its fourth byte', () => {
    for (const chunks of [['0b000000'], ['0b', '00', '00', '00'], ['0100 0000 07 0b00 0000 01']]) {
      const splitter = new FrameSplitter({ frameBytesMax: 10 })
      framesOf(splitter, chunks.map(bytesFromHex))
      assert.equal(splitter.problem, 'a frame of 11 of at most 10 bytes')
    }
  })

  it('security 8: a frame of just the limit passes', () => {
    const splitter = new FrameSplitter({ frameBytesMax: 10 })
    assert.equal(framesOf(splitter, [streamOf([new Uint8Array(10)])]).length, 1)
    assert.equal(splitter.problem, undefined)
  })

  it('security 8: a promised length allocates nothing', () => {
    const splitters = Array.from({ length: 1_000 }, () => new FrameSplitter())
    const before = process.memoryUsage().arrayBuffers
    const chunks = ['0000 0001 07', '08', '09'].map(bytesFromHex)
    for (const splitter of splitters) assert.deepEqual(framesOf(splitter, chunks), [])
    const grown = process.memoryUsage().arrayBuffers - before
    assert.ok(grown < 10_000_000, `${grown} bytes for 1,000 promises of 16 MB`)
    assert.equal(splitters.at(-1)?.problem, undefined)
  })

  it('security 9: random streams give frames or a problem, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.integer({ min: 1, max: 9 }),
        (bytes, size) => {
          const splitter = new FrameSplitter({ frameBytesMax: 40 })
          const frames = framesOf(splitter, cut(bytes, [size]))
          const taken = frames.reduce((sum, frame) => sum + 4 + frame.length, 0)
          assert.ok(taken <= bytes.length)
          assert.deepEqual(streamOf(frames), bytes.slice(0, taken))
        },
      ),
      { numRuns: 2_000 },
    )
  })
})
