import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isEpicError } from '@epicserver/contracts'
import type { Channel } from '#src/channel.ts'
import { DEFAULT_LIMITS } from '#src/limits.ts'
import { createPipe } from '#src/pipe.ts'
import { Sink } from '#src/sink.ts'
import { MemoryHub, memoryTransport } from '#src/transports/memory.ts'
import { TestWorld, received } from './test-network.ts'

/** `b` with so many channels, and their other ends. */
async function room(world: TestWorld, count: number): Promise<Channel[]> {
  await world.b.listen('b')
  const connecting = Array.from({ length: count }, () => world.a.connect('b'))
  await world.clock.run(20)
  return Promise.all(connecting)
}

describe('sink', () => {
  it('gathers what a pipe has and will have, until told to stop', async () => {
    const world = new TestWorld()
    const sink = new Sink()
    await room(world, 1)
    const stop = sink.gather(world.b)
    assert.equal(sink.size, 1)
    await world.open()
    assert.equal(sink.size, 2)
    stop()
    await world.open()
    assert.equal(sink.size, 2)
    assert.equal(sink.describe(), 'sink of 2 channels')
  })

  it('takes in those on whom all filters agree', async () => {
    const world = new TestWorld()
    const sink = new Sink({ filters: [(channel) => channel.id > 1, (channel) => channel.id < 4] })
    sink.gather(world.b)
    await room(world, 5)
    assert.deepEqual(
      [...sink.members].map((channel) => channel.id),
      [2, 3],
    )
  })

  it('loses members that are over, and those that are taken out', async () => {
    const world = new TestWorld()
    const sink = new Sink()
    sink.gather(world.b)
    const [first] = await room(world, 3)
    first?.destroy()
    await world.clock.run(5)
    assert.equal(sink.size, 2)
    const [member] = sink.members
    assert.ok(member !== undefined && sink.remove(member))
    assert.equal(sink.size, 1)
  })

  it('gets the messages for which a member has no handler of its own', async () => {
    const world = new TestWorld()
    const got: string[] = []
    const sink = new Sink<unknown>()
    sink.on('say', (_message, from) => void got.push(`sink ${from.id}`))
    const [ours, theirs] = await world.open()
    sink.add(theirs)
    theirs.on('own', () => void got.push('own'))
    for (const type of ['say', 'own', 'none']) ours.send({ type })
    await world.clock.run(5)
    assert.deepEqual(got, ['sink 1', 'own'])
    assert.equal(theirs.counts.unhandled, 1)
  })

  it('sends to all but one', async () => {
    const world = new TestWorld()
    const sink = new Sink()
    sink.gather(world.b)
    const ends = await room(world, 3)
    const inboxes = ends.map(received)
    const [except] = sink.members
    assert.ok(except !== undefined)
    assert.equal(sink.send({ text: 'hi' }, { except }), 2)
    await world.clock.run(5)
    assert.deepEqual(inboxes, [[], [{ text: 'hi' }], [{ text: 'hi' }]])
  })

  it('encodes once for all members of one protocol', async () => {
    let encoded = 0
    const protocol = {
      name: 'counting',
      encode: (_message: unknown, batch: { u8(value: number): void }): void => {
        encoded += 1
        batch.u8(1)
      },
      decode: (batch: Uint8Array, into: unknown[]): undefined => void into.push(...batch),
    }
    const world = new TestWorld({ protocol })
    const sink = new Sink()
    sink.gather(world.b)
    const inboxes = (await room(world, 10)).map(received)
    sink.send('hello')
    await world.clock.run(5)
    assert.equal(encoded, 1)
    assert.deepEqual(inboxes.flat(), new Array(10).fill(1))
  })

  it('hands the message itself over within a process', async () => {
    const hub = new MemoryHub()
    const pipe = createPipe({ transport: memoryTransport(hub) })
    const sink = new Sink()
    sink.gather(pipe)
    await pipe.listen('room')
    const channel = await pipe.connect('room')
    const message = { text: 'hi' }
    const got = new Promise((resolve) =>
      channel.on((any) => (any === message ? 'same' : 'other'), { same: resolve, other: resolve }),
    )
    sink.send(message)
    assert.equal(await got, message)
    pipe.destroy()
  })

  it('passes over a member whose lane is full, and counts it', async () => {
    const queueBytesMax = { ...DEFAULT_LIMITS.queueBytesMax, normal: 1_000 }
    const world = new TestWorld({ limits: { queueBytesMax } })
    const sink = new Sink()
    sink.gather(world.b)
    await room(world, 2)
    const [slow] = sink.members
    slow?.send('x'.repeat(2_000))
    assert.equal(sink.send('next'), 1)
    assert.equal(sink.passedOver, 1)
  })

  it('throws what is wrong with the message itself', async () => {
    const world = new TestWorld()
    const sink = new Sink()
    sink.gather(world.b)
    await room(world, 2)
    assert.throws(
      () => sink.send(() => 1),
      (error) => isEpicError(error) && error.code === 'CannotCross',
    )
  })
})
