import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isEpicError } from '@epicserver/contracts'
import { ByteCarrier } from '#src/byte-carrier.ts'
import type { CarrierEvents, Payload, Sealed, Signal } from '#src/carrier.ts'
import { Fifo } from '#src/fifo.ts'
import { LANES, NORMAL } from '#src/lane.ts'
import { BATCH_BYTES, BATCH_OVERHEAD, FRAGMENT_BYTES } from '#src/limits.ts'
import type { ByteLink, ByteLinkEvents } from '#src/link.ts'
import { rawProtocol } from '#src/protocols/raw.ts'
import { bytesFromHex, createRandom, hexOf } from './bytes.ts'

const MESSAGE_BYTES_MAX = 1024 * 1024

/** A link that notes what is written and is fed by hand. */
class HandLink implements ByteLink {
  readonly kind = 'bytes'
  readonly peer = { transport: 'hand', host: 'hand' }
  readonly binding: Uint8Array = new Uint8Array(0)
  readonly pendingBytes = 0
  readonly written: Uint8Array[] = []
  events: ByteLinkEvents | undefined

  start(events: ByteLinkEvents): void {
    this.events = events
  }

  write(bytes: Uint8Array): void {
    this.written.push(bytes)
  }

  cork(): void {}
  uncork(): void {}
  end(): void {}
  destroy(): void {}
}

/** Notes what a carrier tells. */
class Notes implements CarrierEvents<Uint8Array> {
  readonly batches: { lane: number; size: number; cost: number }[] = []
  readonly payloads: Payload<Uint8Array>[] = []
  readonly signals: Signal[] = []
  readonly problems: string[] = []

  batch(lane: number, payload: Payload<Uint8Array>, cost: number): void {
    this.batches.push({ lane, size: payload.length, cost })
    this.payloads.push(payload)
  }

  signal(signal: Signal): void {
    this.signals.push(signal)
  }

  raw(): void {}
  begin(): void {}
  done(): void {}
  writable(): void {}
  ended(): void {}

  broken(problem: string): void {
    this.problems.push(problem)
  }
}

interface Fixture {
  readonly link: HandLink
  readonly notes: Notes
  readonly carrier: ByteCarrier<Uint8Array>
  readonly feed: (bytes: Uint8Array) => void
}

function fixture(): Fixture {
  const link = new HandLink()
  const notes = new Notes()
  const carrier = new ByteCarrier(link, rawProtocol, MESSAGE_BYTES_MAX)
  carrier.start(notes)
  return { link, notes, carrier, feed: (bytes) => link.events?.bytes(bytes) }
}

/** Seals the lane's batch and writes all of it. */
function writeAll({ carrier, link }: Fixture, lane: number): Uint8Array[] {
  const waiting = new Fifo<Sealed>()
  carrier.seal(lane, waiting)
  for (let sealed = waiting.take(); sealed !== undefined; sealed = waiting.take())
    carrier.write(sealed)
  return link.written
}

describe('byte carrier: batches', () => {
  it('put the messages of a lane one after another into one frame', () => {
    const sender = fixture()
    sender.carrier.append(NORMAL, Uint8Array.of(1, 2))
    const cost = sender.carrier.append(NORMAL, Uint8Array.of(3))
    assert.equal(cost, 5)
    assert.deepEqual(writeAll(sender, NORMAL).map(hexOf), ['06000000' + '02' + '020102' + '0103'])
  })

  it('arrive on their lane, undecoded, and cost their bytes and a little', () => {
    const { notes, feed } = fixture()
    feed(bytesFromHex('06000000 02 020102 0103'))
    assert.deepEqual(notes.batches, [{ lane: NORMAL, size: 5, cost: 5 + BATCH_OVERHEAD }])
  })

  it('that are empty are not sent', () => {
    const sender = fixture()
    assert.equal(sender.carrier.seal(NORMAL, new Fifo()), 0)
    assert.deepEqual(writeAll(sender, NORMAL), [])
  })

  it('with a large message cross in pieces and cost the same on both sides', () => {
    const sender = fixture()
    const message = new Uint8Array(3 * FRAGMENT_BYTES).fill(7)
    sender.carrier.append(NORMAL, message)
    const waiting = new Fifo<Sealed>()
    const cost = sender.carrier.seal(NORMAL, waiting)
    assert.equal(waiting.size, 4)
    const receiver = fixture()
    for (let sealed = waiting.take(); sealed !== undefined; sealed = waiting.take()) {
      receiver.feed(sealed.frame as Uint8Array)
    }
    assert.deepEqual(
      receiver.notes.batches.map((batch) => batch.cost),
      [cost],
    )
    const messages: Uint8Array[] = []
    receiver.carrier.decode(receiver.notes.payloads[0] ?? [], messages)
    assert.deepEqual(messages.map(hexOf), [hexOf(message)])
  })

  it('of other lanes cross between the pieces of one', () => {
    const sender = fixture()
    const waiting = new Fifo<Sealed>()
    sender.carrier.append(NORMAL, new Uint8Array(2 * FRAGMENT_BYTES))
    sender.carrier.seal(NORMAL, waiting)
    const receiver = fixture()
    receiver.feed(waiting.take()?.frame as Uint8Array)
    receiver.feed(bytesFromHex('03000000 00 0101'))
    assert.deepEqual(
      receiver.notes.batches.map(({ lane }) => lane),
      [0],
      'control overtakes',
    )
    while (waiting.size > 0) receiver.feed(waiting.take()?.frame as Uint8Array)
    assert.deepEqual(
      receiver.notes.batches.map(({ lane }) => lane),
      [0, NORMAL],
    )
  })

  it('lose nothing of the others when one message cannot cross', () => {
    const sender = fixture()
    sender.carrier.append(NORMAL, Uint8Array.of(1))
    assert.throws(() => sender.carrier.append(NORMAL, 'text' as never), isEpicError)
    assert.throws(
      () => sender.carrier.append(NORMAL, new Uint8Array(MESSAGE_BYTES_MAX)),
      (error) => isEpicError(error) && error.code === 'MessageTooLarge',
    )
    sender.carrier.append(NORMAL, Uint8Array.of(2))
    assert.deepEqual(writeAll(sender, NORMAL).map(hexOf), ['05000000' + '02' + '0101' + '0102'])
  })

  it('take a message that was encoded once', () => {
    const sender = fixture()
    const bytes = sender.carrier.encodeOnce(Uint8Array.of(9, 9))
    sender.carrier.appendEncoded(NORMAL, bytes)
    sender.carrier.appendEncoded(NORMAL, bytes)
    assert.deepEqual(writeAll(sender, NORMAL).map(hexOf), ['07000000' + '02' + '020909'.repeat(2)])
  })
})

describe('byte carrier: hostile bytes', () => {
  it('a declared length over the limit breaks it, before anything is kept (checklist 8)', () => {
    const { notes, feed } = fixture()
    feed(bytesFromHex('ffffff7f 02'))
    assert.match(notes.problems[0] ?? '', /a frame of 2147483647 of at most/)
    feed(bytesFromHex('03000000 00 0101'))
    assert.deepEqual(notes.batches, [], 'nothing is read after that')
  })

  it('another protocol at the port breaks it at once', () => {
    const { notes, feed } = fixture()
    feed(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    assert.equal(notes.problems.length, 1)
  })

  it('an empty frame, an unknown kind and an unknown lane break it', () => {
    for (const hex of ['00000000', '01000000 f0', '02000000 05 00', '05000000 67 01000000']) {
      const { notes, feed } = fixture()
      feed(bytesFromHex(hex))
      assert.equal(notes.problems.length, 1, hex)
    }
  })

  it('pieces without an end are bounded', () => {
    const { notes, feed } = fixture()
    const piece = Buffer.alloc(5 + FRAGMENT_BYTES)
    piece.writeUInt32LE(1 + FRAGMENT_BYTES, 0)
    piece[4] = 0x0a
    let fed = 0
    while (notes.problems.length === 0) {
      feed(piece)
      fed += FRAGMENT_BYTES
    }
    assert.ok(fed <= MESSAGE_BYTES_MAX + BATCH_BYTES + FRAGMENT_BYTES, `it took ${fed} bytes`)
  })

  it('more than is allowed before a proof breaks it (checklist 39)', () => {
    const { carrier, notes, feed } = fixture()
    carrier.limitReceived(4096)
    feed(Buffer.concat([bytesFromHex('ffff0000 10'), Buffer.alloc(4000)]))
    assert.deepEqual(notes.problems, [])
    feed(Buffer.alloc(100))
    assert.match(notes.problems[0] ?? '', /over 4096 bytes/)
  })

  it('100,000 frames of noise, in chunks of any size, never throw (checklist 9)', () => {
    const random = createRandom(7)
    let frames = 0
    let broken = 0
    while (frames < 100_000) {
      const receiver = fixture()
      for (let i = 0; i < 100 && receiver.notes.problems.length === 0; i += 1) {
        feedInPieces(receiver, noisyFrame(random), random)
        frames += 1
      }
      broken += receiver.notes.problems.length
      for (const [i, payload] of receiver.notes.payloads.entries()) {
        assert.ok((receiver.notes.batches[i]?.lane ?? 9) < LANES.length)
        receiver.carrier.decode(payload, [])
      }
    }
    assert.ok(broken > 100, `${broken} carriers were broken`)
  })
})

/** A frame whose length is right, mostly, with any head and body. */
function noisyFrame(random: () => number): Buffer {
  const size = Math.floor(random() * 40)
  const frame = Buffer.alloc(4 + size)
  for (let i = 4; i < frame.length; i += 1) frame[i] = Math.floor(random() * 256)
  // Mostly batches, so that most go on for a while.
  if (size > 0 && random() < 0.9) frame[4] = Math.floor(random() * 5)
  const isLying = random() < 0.02
  frame.writeUInt32LE(isLying ? Math.floor(random() * 0xffff_ffff) : size, 0)
  return frame
}

function feedInPieces({ feed }: Fixture, bytes: Buffer, random: () => number): void {
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + Math.floor(random() * bytes.length))
    feed(bytes.subarray(at, end))
    at = end
  }
}
