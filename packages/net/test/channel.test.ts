import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isEpicError } from '@epicserver/contracts'
import type { ErrorCode } from '@epicserver/contracts'
import type { Channel } from '#src/channel.ts'
import { anyKey } from '#src/handlers.ts'
import { CONGESTED_BYTES, DEFAULT_LIMITS } from '#src/limits.ts'
import { TestWorld, received } from './test-network.ts'

const hasCode = (code: ErrorCode) => (error: unknown) => isEpicError(error) && error.code === code

/** Some text of so many bytes. */
const text = (bytes: number): string => 'x'.repeat(bytes)

describe('channel: messages', () => {
  it('arrive in order, those of one tick in one batch', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const messages = received(theirs)
    for (let i = 0; i < 100; i += 1) ours.send(i)
    await world.clock.run(5)
    assert.deepEqual(
      messages,
      Array.from({ length: 100 }, (_, i) => i),
    )
    assert.equal(ours.counts.batchesSent, 1)
    assert.equal(theirs.counts.messagesReceived, 100)
  })

  it('wait for the first handler, and for those of the same tick', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    ours.send({ type: 'a' })
    ours.send({ type: 'b' })
    await world.clock.run(5)
    const got: string[] = []
    theirs.on('a', () => void got.push('a'))
    theirs.on('b', () => void got.push('b'))
    await world.clock.run(5)
    assert.deepEqual(got, ['a', 'b'])
  })

  it('may be changed after they were sent', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const messages = received(theirs)
    const message = { score: 1 }
    ours.send(message)
    message.score = 2
    await world.clock.run(5)
    assert.deepEqual(messages, [{ score: 1 }])
  })

  it('that cannot cross are refused at once, and the others of the tick arrive', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const messages = received(theirs)
    ours.send(1)
    assert.throws(() => ours.send({ deep: { fn: () => 1 } }), hasCode('CannotCross'))
    ours.send(2)
    await world.clock.run(5)
    assert.deepEqual(messages, [1, 2])
  })

  it('for which there is no handler are counted', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    theirs.on('known', () => {})
    ours.send({ type: 'unknown' })
    await world.clock.run(5)
    assert.equal(theirs.counts.unhandled, 1)
  })

  it('whose handler throws or rejects are reported, and the next is delivered', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const faults: unknown[] = []
    world.b.on('fault', (error) => void faults.push(error))
    const got: unknown[] = []
    theirs.on(anyKey, async (message) => {
      got.push(message)
      if (message === 2) await Promise.reject(new Error('rejected'))
    })
    theirs.on('sync', () => {
      throw new Error('thrown')
    })
    for (const message of [1, { type: 'sync' }, 2, 3]) ours.send(message)
    await world.clock.run(5)
    assert.deepEqual(got, [1, 2, 3])
    assert.deepEqual(
      faults.map((error) => (error as Error).message),
      ['thrown', 'rejected'],
    )
    assert.equal(theirs.counts.faults, 2)
    assert.equal(theirs.state, 'open')
  })

  it('of 300 KB cross in pieces and arrive whole', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const messages = received(theirs)
    ours.send(text(300_000))
    await world.clock.run(10)
    assert.deepEqual(messages, [text(300_000)])
  })
})

describe('channel: lanes', () => {
  it('control overtakes what waits on the others', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const got: string[] = []
    theirs.on(anyKey, (message) => void got.push((message as string).slice(0, 4)))
    for (let i = 0; i < 10; i += 1) ours.send(`user${text(CONGESTED_BYTES / 2)}`)
    await world.clock.run(0)
    ours.send('control', { lane: 'control' })
    await world.clock.run(50)
    assert.equal(got.length, 11)
    assert.ok(got.indexOf('cont') < 4, `control came as number ${got.indexOf('cont')}`)
  })

  it('a handler that waits holds up its own lane only', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const got: unknown[] = []
    let open: () => void = () => {}
    theirs.on(anyKey, (message) => {
      got.push(message)
      return message === 'slow' ? new Promise<void>((resolve) => (open = resolve)) : undefined
    })
    for (const message of ['slow', 'next']) ours.send(message)
    await world.clock.run(5)
    ours.send('control', { lane: 'control' })
    await world.clock.run(5)
    assert.deepEqual(got, ['slow', 'control'])
    open()
    await world.clock.run(5)
    assert.deepEqual(got, ['slow', 'control', 'next'])
  })

  it('are written by urgency, and the lowest is not starved', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const got: string[] = []
    theirs.on(anyKey, (message) => void got.push((message as string)[0] ?? ''))
    for (let i = 0; i < 40; i += 1) ours.send(`h${text(100_000)}`, { lane: 'high' })
    ours.send('l', { lane: 'low' })
    await world.clock.run(200)
    assert.equal(got.length, 41)
    const place = got.indexOf('l')
    assert.ok(place > 0 && place < 20, `low came as number ${place}`)
  })
})

/** Sends a kilobyte a tick until the lane is full; returns how many it took. */
async function fill(world: TestWorld, channel: Channel): Promise<number> {
  for (let sent = 0; ; sent += 1) {
    try {
      channel.send(text(1_000))
    } catch (error) {
      assert.ok(isEpicError(error) && error.code === 'Overloaded' && error.retry === 'safe')
      return sent
    }
    await world.clock.run(3)
  }
}

describe('channel: memory stays bounded', () => {
  const small = {
    windowBytes: { ...DEFAULT_LIMITS.windowBytes, normal: 10_000 },
    queueBytesMax: { ...DEFAULT_LIMITS.queueBytesMax, normal: 20_000 },
  }

  it('a receiver that does not process stops its sender, which is Overloaded in the end', async () => {
    const world = new TestWorld({ limits: small })
    const [ours, theirs] = await world.open()
    const sent = await fill(world, ours)
    assert.ok(theirs.counts.heldBytes <= 10_000 + 1_300, `it holds ${theirs.counts.heldBytes}`)
    assert.ok(ours.counts.queuedBytes <= 20_000 + 1_300, `we hold ${ours.counts.queuedBytes}`)
    const messages = received(theirs)
    await world.clock.run(100)
    assert.equal(messages.length, sent, 'nothing that was taken is lost')
    assert.equal(ours.counts.queuedBytes, 0)
  })

  it('whenRoom resolves when the lane has drained', async () => {
    const world = new TestWorld({ limits: small })
    const [ours, theirs] = await world.open()
    await fill(world, ours)
    let hasRoom = false
    void ours.whenRoom().then(() => (hasRoom = true))
    await world.clock.run(10)
    assert.equal(hasRoom, false)
    received(theirs)
    await world.clock.run(50)
    assert.equal(hasRoom, true)
    ours.send('fits')
  })

  it('a lane that is full is no reason for another to be', async () => {
    const world = new TestWorld({ limits: small })
    const [ours, theirs] = await world.open()
    const got: unknown[] = []
    theirs.on(anyKey, (message) =>
      message === 'urgent' ? void got.push(message) : new Promise(() => {}),
    )
    await fill(world, ours)
    ours.send('urgent', { lane: 'high' })
    await world.clock.run(10)
    assert.deepEqual(got, ['urgent'])
  })

  it('a message larger than the window still gets through', async () => {
    const world = new TestWorld({ limits: small })
    const [ours, theirs] = await world.open()
    const messages = received(theirs)
    for (let i = 0; i < 3; i += 1) {
      ours.send(text(15_000))
      await world.clock.run(10)
    }
    assert.equal(messages.length, 3)
  })
})

describe('channel: unreliable traffic', () => {
  it('arrives when there is room', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const messages = received(theirs)
    for (let i = 0; i < 5; i += 1) ours.send(i, { lane: 'unreliable' })
    await world.clock.run(5)
    assert.deepEqual(messages, [0, 1, 2, 3, 4])
  })

  it('is replaced by key within a tick', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const messages = received(theirs)
    for (let i = 0; i < 5; i += 1) ours.send(['bob', i], { lane: 'unreliable', key: 'bob' })
    ours.send(['eve', 0], { lane: 'unreliable', key: 'eve' })
    await world.clock.run(5)
    assert.deepEqual(messages, [
      ['bob', 4],
      ['eve', 0],
    ])
    assert.equal(ours.counts.droppedUnreliable, 4)
  })

  it('is dropped first when the link is congested, but for the latest of each key', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const messages = received(theirs)
    world.network.cut('a', 'b')
    for (let i = 0; i < 3; i += 1) ours.send(text(CONGESTED_BYTES / 2))
    await world.clock.run(5)
    for (let i = 0; i < 5; i += 1) {
      ours.send(`plain ${i}`, { lane: 'unreliable' })
      ours.send(`keyed ${i}`, { lane: 'unreliable', key: 'k' })
      await world.clock.run(5)
    }
    world.network.mend()
    await world.clock.run(20)
    const short = messages.filter((message) => (message as string).length < 100)
    assert.deepEqual(short, ['keyed 4'])
    assert.equal(messages.length, 4, 'what is reliable arrived')
  })

  it('holds only so much at either end', async () => {
    const world = new TestWorld({ limits: { unreliableBytesMax: 5_000, unreliableMessagesMax: 3 } })
    const [ours, theirs] = await world.open()
    for (let i = 0; i < 20; i += 1) {
      ours.send(`${i} ${text(1_000)}`, { lane: 'unreliable' })
      await world.clock.run(2)
    }
    assert.ok(theirs.counts.heldBytes <= 5_000, `it holds ${theirs.counts.heldBytes}`)
    for (let i = 0; i < 10; i += 1) ours.send(i, { lane: 'unreliable' })
    const messages = received(theirs)
    await world.clock.run(5)
    const numbers = messages.filter((message) => typeof message === 'number')
    assert.deepEqual(numbers, [7, 8, 9], 'the oldest went')
    assert.equal(ours.counts.droppedUnreliable, 7)
    assert.ok(theirs.counts.droppedUnreliable > 10)
  })

  it('that cannot cross is reported as a fault, since its sender is gone by then', async () => {
    const world = new TestWorld()
    const [ours] = await world.open()
    const faults: unknown[] = []
    world.a.on('fault', (error) => void faults.push(error))
    ours.send(() => 1, { lane: 'unreliable' })
    await world.clock.run(5)
    assert.ok(faults.length === 1 && hasCode('CannotCross')(faults[0]))
  })
})

describe('channel: pause', () => {
  it('stops delivering until resumed, and keeps what came', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const messages = received(theirs)
    theirs.pause()
    ours.send(1)
    await world.clock.run(5)
    assert.deepEqual(messages, [])
    theirs.resume()
    await world.clock.run(5)
    assert.deepEqual(messages, [1])
  })
})

describe('channel: heartbeat', () => {
  const heartbeat = { intervalMs: 100, timeoutMs: 300 }

  it('keeps an idle channel open, and measures the way there and back', async () => {
    const world = new TestWorld({ heartbeat })
    const [ours, theirs] = await world.open()
    await world.clock.run(10_000)
    assert.equal(ours.state, 'open')
    assert.equal(theirs.state, 'open')
    assert.equal(ours.roundTripMs ?? theirs.roundTripMs, 2)
  })

  it('destroys a channel whose peer is silent, at both ends', async () => {
    const world = new TestWorld({ heartbeat })
    const [ours, theirs] = await world.open()
    world.network.cut('a', 'b')
    world.network.cut('b', 'a')
    await world.clock.run(600)
    for (const channel of [ours, theirs]) {
      assert.equal(channel.state, 'destroyed')
      assert.equal(channel.error?.code, 'NodeLost')
      assert.match(channel.error?.message ?? '', /nothing was heard of it for \d+ ms/)
    }
  })

  it('notices a way that is cut in one direction only', async () => {
    const world = new TestWorld({ heartbeat })
    const [ours] = await world.open()
    world.network.cut('b', 'a')
    await world.clock.run(600)
    assert.equal(ours.state, 'destroyed')
  })

  it('calls back in place of destroying, where asked to', async () => {
    const silent: Channel[] = []
    const onTimeout = (channel: Channel): void => void silent.push(channel)
    const world = new TestWorld({}, { a: { heartbeat: { ...heartbeat, onTimeout } } })
    const [ours] = await world.open()
    world.network.cut('b', 'a')
    await world.clock.run(650)
    assert.equal(ours.state, 'open')
    assert.ok(silent.length >= 2 && silent[0] === ours)
    world.network.mend()
    await world.clock.run(300)
    assert.equal(ours.state, 'open')
  })

  it('goes on while a handler waits', async () => {
    const world = new TestWorld({ heartbeat })
    const [ours, theirs] = await world.open()
    theirs.on(anyKey, () => new Promise(() => {}))
    ours.send(1)
    await world.clock.run(2_000)
    assert.equal(ours.state, 'open')
  })

  it('does not blame the other side after this one stood still', async () => {
    const world = new TestWorld({ heartbeat })
    const [ours, theirs] = await world.open()
    await world.clock.run(1_000)
    world.clock.standStill(5_000)
    await world.clock.run(1_000)
    assert.equal(ours.state, 'open')
    assert.equal(theirs.state, 'open')
  })
})

describe('channel: closing', () => {
  it('delivers all that was sent, and the answers to it', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const answers = received(ours)
    theirs.on(anyKey, async (message) => {
      await Promise.resolve()
      theirs.send(`re: ${String(message)}`)
    })
    for (let i = 0; i < 3; i += 1) ours.send(i)
    const closing = ours.close()
    await world.clock.run(50)
    assert.equal(await closing, true)
    assert.deepEqual(answers, ['re: 0', 're: 1', 're: 2'])
    assert.deepEqual([ours.state, theirs.state], ['closed', 'closed'])
    assert.equal(theirs.error, undefined)
    assert.equal(world.a.counts.closed, 1)
    assert.equal(world.b.counts.closed, 1)
  })

  it('from both sides at once is closing', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const [first, second] = [ours.close(), theirs.close()]
    await world.clock.run(50)
    assert.deepEqual([await first, await second], [true, true])
  })

  it('waits for credit, and still delivers everything', async () => {
    const windowBytes = { ...DEFAULT_LIMITS.windowBytes, normal: 2_000 }
    const world = new TestWorld({ limits: { windowBytes } })
    const [ours, theirs] = await world.open()
    const messages = received(theirs)
    for (let i = 0; i < 30; i += 1) {
      ours.send(text(1_000))
      await world.clock.run(0)
    }
    const closing = ours.close()
    await world.clock.run(200)
    assert.equal(await closing, true)
    assert.equal(messages.length, 30)
  })

  it('refuses what is sent afterwards, and says that it did not go', async () => {
    const world = new TestWorld()
    const [ours] = await world.open()
    void ours.close()
    assert.throws(
      () => ours.send(1),
      (error) => isEpicError(error) && error.code === 'NodeLost' && error.retry === 'safe',
    )
    await assert.rejects(ours.whenRoom(), hasCode('NodeLost'))
  })

  it('is given up when the other side does not answer in time', async () => {
    const world = new TestWorld()
    const [ours] = await world.open()
    world.network.cut('b', 'a')
    const closing = ours.close()
    await world.clock.run(DEFAULT_LIMITS.closeTimeoutMs + 100)
    assert.equal(await closing, false)
    assert.equal(ours.error?.code, 'Timeout')
  })

  it('tells the other side why', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    void ours.close('enough')
    await world.clock.run(50)
    assert.equal(theirs.state, 'closed')
    assert.equal(theirs.closeReason, 'enough')
  })

  it('leaves no timer behind', async () => {
    const world = new TestWorld({ heartbeat: { intervalMs: 100, timeoutMs: 300 } })
    const [ours] = await world.open()
    void ours.close()
    await world.clock.run(50)
    assert.equal(world.clock.timers, 0)
  })
})

describe('channel: destroying', () => {
  it('ends it at once, and the other side notices', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const ends: unknown[] = []
    ours.onEnd((error) => void ends.push(error?.code))
    theirs.onEnd((error) => void ends.push(error?.code))
    ours.destroy('enough')
    assert.equal(ours.state, 'destroyed')
    await world.clock.run(10)
    assert.equal(theirs.state, 'destroyed')
    assert.deepEqual(ends, ['NodeLost', 'NodeLost'])
    assert.match(theirs.error?.message ?? '', /the connection ended/)
  })

  it('by a handler stops delivering within the batch', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const got: unknown[] = []
    theirs.on(anyKey, (message) => {
      got.push(message)
      theirs.destroy()
    })
    for (let i = 0; i < 5; i += 1) ours.send(i)
    await world.clock.run(10)
    assert.deepEqual(got, [0])
  })

  it('rejects whoever waits for room', async () => {
    const queueBytesMax = { ...DEFAULT_LIMITS.queueBytesMax, normal: 1_000 }
    const world = new TestWorld({ limits: { queueBytesMax } })
    const [ours] = await world.open()
    ours.send(text(2_000))
    const waiting = ours.whenRoom()
    ours.destroy()
    await assert.rejects(waiting, hasCode('NodeLost'))
  })

  it('a peer that was killed is noticed by its reset', async () => {
    const world = new TestWorld()
    const [ours] = await world.open()
    world.space.crash('b')
    await world.clock.run(5)
    assert.equal(ours.state, 'destroyed')
    assert.equal(ours.error?.retry, 'unknown')
  })

  it('bytes that do not decode end it, and are counted', async () => {
    const world = new TestWorld(
      { protocol: 'json' },
      {
        a: {
          protocol: {
            name: 'json',
            encode: (_message, batch) => batch.u8(1),
            decode: () => undefined,
          },
        },
      },
    )
    const [ours, theirs] = await world.open()
    received(theirs)
    ours.send(1)
    await world.clock.run(10)
    assert.equal(theirs.state, 'destroyed')
    assert.equal(theirs.error?.code, 'ProtocolBroken')
    assert.equal(world.b.counts.brokenChannels, 1)
  })
})

describe('channel: describes itself', () => {
  it('with its number, peer, protocol and state', async () => {
    const world = new TestWorld()
    const [ours] = await world.open()
    assert.equal(ours.describe(), 'channel 1 [S2S: b], msgpack, open')
    assert.ok(
      world.log.infos.some((line) => line.startsWith('channel 1 [S2S: b], msgpack, open: opened')),
    )
  })
})
