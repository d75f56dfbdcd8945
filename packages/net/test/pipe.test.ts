import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isEpicError } from '@epicserver/contracts'
import type { EpicError, ErrorCode } from '@epicserver/contracts'
import { clusterKeyHandshake } from '#src/cluster-key-handshake.ts'
import { createClusterKey } from '#src/cluster-keyring.ts'
import type { Handshake } from '#src/handshake.ts'
import { DEFAULT_LIMITS, REFUSAL_LINGER_MS } from '#src/limits.ts'
import { createPipe } from '#src/pipe.ts'
import type { Refusal } from '#src/pipe-parts.ts'
import { tcpTransport } from '#src/transports/tcp.ts'
import { TestWorld, received } from './test-network.ts'

const hasCode = (code: ErrorCode) => (error: unknown) => isEpicError(error) && error.code === code
const KEY = createClusterKey()

function node(nodeId: string, { key = KEY, clusterId = 'test', incarnation = 0 } = {}): Handshake {
  return clusterKeyHandshake(key, { clusterId, nodeId, role: 'node', incarnation })
}

/** Connects and waits in virtual time; resolves to the error code, or to `open`. */
async function attempt(world: TestWorld, pipe = world.a): Promise<string> {
  const outcome = pipe.connect('b').then(
    () => 'open',
    (error: unknown) => (isEpicError(error) ? error.code : String(error)),
  )
  await world.clock.run(DEFAULT_LIMITS.handshakeTimeoutMs + 100)
  return outcome
}

describe('pipe: connecting', () => {
  it('gives both sides a channel and tells of it', async () => {
    const world = new TestWorld()
    const events: string[] = []
    world.a.on('connected', (channel) => void events.push(`connected ${channel.id}`))
    world.b.on('accepted', (channel) => void events.push(`accepted ${channel.id}`))
    const [ours, theirs] = await world.open()
    assert.deepEqual(events.toSorted(), ['accepted 1', 'connected 1'])
    assert.deepEqual([...world.a.channels], [ours])
    assert.deepEqual([...world.b.channels], [theirs])
    assert.equal(world.b.address, 'b')
  })

  it('loses nothing that a side sends the moment it has a channel', async () => {
    const world = new TestWorld()
    world.b.on('accepted', (channel) => channel.send('from b'))
    world.a.on('connected', (channel) => channel.send('from a'))
    const [ours, theirs] = await world.open()
    const [atA, atB] = [received(ours), received(theirs)]
    await world.clock.run(10)
    assert.deepEqual([atA, atB], [['from b'], ['from a']])
  })

  it('fails where nobody listens', async () => {
    const world = new TestWorld()
    assert.equal(await attempt(world), 'Unavailable')
  })

  it('fails in time where nobody answers', async () => {
    const world = new TestWorld()
    await world.b.listen('b')
    world.network.cut('a', 'b')
    assert.equal(await attempt(world), 'Timeout')
    assert.equal(world.clock.timers, 0)
  })

  it('is given up by a signal', async () => {
    const world = new TestWorld()
    await world.b.listen('b')
    const controller = new AbortController()
    const connecting = world.a.connect('b', { signal: controller.signal })
    controller.abort()
    await assert.rejects(connecting, hasCode('Cancelled'))
    await assert.rejects(
      world.a.connect('b', { signal: AbortSignal.abort() }),
      hasCode('Cancelled'),
    )
  })

  it('a pipe may listen and connect, and both at once', async () => {
    const world = new TestWorld()
    await world.a.listen('a')
    await world.b.listen('b')
    const [atA, atB] = [world.a.connect('b'), world.b.connect('a')]
    await world.clock.run(20)
    assert.equal((await atA).state, 'open')
    assert.equal((await atB).state, 'open')
    assert.equal(world.a.channels.size, 2)
  })

  it('has as many channels as it may', async () => {
    const world = new TestWorld({ limits: { channelsMax: 1 } })
    await world.open()
    await assert.rejects(world.a.connect('b'), hasCode('Overloaded'))
    assert.equal(await attempt(world, world.pipe('c')), 'Unavailable')
    assert.equal(world.b.counts.refusedFull, 1)
  })
})

describe('pipe: who does not fit is refused, and both sides print why (checklist 7)', () => {
  const cases: readonly (readonly [string, ConstructorParameters<typeof TestWorld>[1], RegExp])[] =
    [
      [
        'protocol',
        { a: { protocol: 'json' }, b: { protocol: 'msgpack' } },
        /protocol is "(json|msgpack)" on one side/,
      ],
      [
        'compatibility',
        { a: { compatibility: 'wire 1' }, b: { compatibility: 'wire 2' } },
        /compatibility is "wire \d" on one side/,
      ],
      [
        'cluster',
        {
          a: { handshake: node('n1', { clusterId: 'eu' }) },
          b: { handshake: node('n2', { clusterId: 'us' }) },
        },
        /cluster is "(eu|us)" on one side/,
      ],
    ]
  for (const [what, options, reason] of cases) {
    it(what, async () => {
      const world = new TestWorld({}, options)
      await world.b.listen('b')
      const refused: Refusal[] = []
      world.b.on('refused', (refusal) => void refused.push(refusal))
      const connecting = world.a.connect('b')
      const failed = assert.rejects(
        connecting,
        (error) => hasCode('Incompatible')(error) && reason.test((error as Error).message),
      )
      await world.clock.run(1_000)
      await failed
      assert.equal(refused[0]?.error.code, 'Incompatible')
      assert.match(refused[0]?.error.message ?? '', reason)
      assert.match(world.log.warnings.join('\n'), reason)
      assert.equal(world.b.counts.incompatible, 1)
      assert.equal(world.b.state, 'listening', 'and it keeps working')
    })
  }

  it('a side without a handshake where the other has one', async () => {
    const world = new TestWorld({}, { b: { handshake: node('n2') } })
    await world.b.listen('b')
    assert.notEqual(await attempt(world), 'open')
    assert.equal(world.accepted.length, 0)
  })
})

describe('pipe: with a cluster key', () => {
  it('the other side is known on the channel, and printed', async () => {
    const world = new TestWorld({}, { a: { handshake: node('n1') }, b: { handshake: node('n2') } })
    const [ours, theirs] = await world.open()
    assert.equal(ours.identity?.nodeId, 'n2')
    assert.equal(theirs.identity?.nodeId, 'n1')
    assert.equal(ours.describe(), 'channel 1 to n2 [S2S: b], msgpack, open')
  })

  it('a wrong key gets no answer and no reason; it is counted (checklist 1)', async () => {
    const world = new TestWorld(
      {},
      { a: { handshake: node('n1', { key: createClusterKey() }) }, b: { handshake: node('n2') } },
    )
    await world.b.listen('b')
    assert.equal(await attempt(world), 'Unavailable')
    assert.equal(world.b.counts.unauthorized, 1)
    const fromB = world.network.parcels.filter(
      (parcel) => parcel.from === 'b' && parcel.kind === 'bytes',
    )
    assert.deepEqual(
      fromB.map((parcel) => parcel.bytes),
      [5 + 32],
      'a nonce in its frame',
    )
  })

  it('who says nothing loses its place after 5 s (checklist 39)', async () => {
    const world = new TestWorld(
      {},
      { b: { handshake: node('n2'), limits: { handshakePlacesMax: 2 } } },
    )
    await world.b.listen('b')
    const silent: Handshake = () => new Promise(() => {})
    const mute = world.pipe('mute', { handshake: silent, limits: { handshakeTimeoutMs: 60_000 } })
    const ends = [1, 2].map(() =>
      mute.connect('b').catch((error: unknown) => (error as EpicError).code),
    )
    await world.clock.run(10)
    const friend = world.pipe('friend', { handshake: node('n1') })
    assert.equal(await attempt(world, friend), 'Unavailable', 'all places are taken')
    assert.equal(world.b.counts.refusedFull, 1)
    assert.equal(world.b.counts.timedOut, 2)
    assert.equal(await attempt(world, friend), 'open', 'and free again')
    assert.deepEqual(await Promise.all(ends), ['Unavailable', 'Unavailable'])
  })

  it('who sends over 4 KB before a proof is cut off and counted (checklist 39)', async () => {
    const world = new TestWorld({}, { b: { handshake: node('n2') } })
    await world.b.listen('b')
    const connecting = world.space.transport('x').connect('b', new AbortController().signal)
    await world.clock.run(3)
    const link = await connecting
    assert.ok(link.kind === 'bytes')
    let ended = false
    link.start({ bytes: () => {}, writable: () => {}, ended: () => (ended = true) })
    // The beginning of a frame that the limit for frames allows.
    link.write(Buffer.concat([Buffer.from([0, 0, 1, 0, 0x10]), Buffer.alloc(4_000)]))
    await world.clock.run(3)
    assert.deepEqual([ended, world.b.counts.broken], [false, 0])
    link.write(Buffer.alloc(200))
    await world.clock.run(3)
    assert.deepEqual([ended, world.b.counts.broken], [true, 1])
  })

  it('a handshake that throws anything refuses without a word', async () => {
    const broken: Handshake = () => Promise.reject(new TypeError('a bug'))
    const world = new TestWorld({}, { a: { handshake: node('n1') }, b: { handshake: broken } })
    await world.b.listen('b')
    assert.equal(await attempt(world), 'Unavailable')
    assert.equal(world.b.counts.unauthorized, 1)
  })

  it('of two with one node id the older stops (checklist 10)', async () => {
    const world = new TestWorld(
      {},
      { a: { handshake: node('n1', { incarnation: 1 }) }, b: { handshake: node('n2') } },
    )
    const [older] = await world.open()
    const newer = world.pipe('c', { handshake: node('n1', { incarnation: 2 }) })
    assert.equal(await attempt(world, newer), 'open')
    assert.equal(older.state, 'destroyed')
    assert.deepEqual(
      [...world.b.channels].map((channel) => channel.identity?.incarnation),
      [2],
    )
    assert.equal(await attempt(world, world.a), 'Incompatible', 'the older is refused from then on')
    assert.match(world.log.warnings.join('\n'), /a newer incarnation of n1 is connected/)
  })

  it('a refusal holds the connection no longer than it needs to arrive', async () => {
    const world = new TestWorld(
      {},
      { a: { handshake: node('n1', { clusterId: 'other' }) }, b: { handshake: node('n2') } },
    )
    await world.b.listen('b')
    assert.equal(await attempt(world), 'Incompatible')
    await world.clock.run(REFUSAL_LINGER_MS)
    assert.equal(world.clock.timers, 0)
  })
})

describe('pipe: ending', () => {
  it('close() delivers everything and ends with its last channel', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const messages = received(theirs)
    ours.send(1)
    const closing = world.a.close()
    assert.equal(world.a.state, 'closing')
    await world.clock.run(50)
    await closing
    assert.equal(world.a.state, 'closed')
    assert.deepEqual(messages, [1])
    assert.equal(theirs.closeReason, 'its pipe closes')
  })

  it('close() stops listening at once', async () => {
    const world = new TestWorld()
    await world.open()
    void world.b.close()
    assert.equal(await attempt(world, world.pipe('c')), 'Unavailable')
  })

  it('destroy() ends everything at once', async () => {
    const world = new TestWorld()
    const [ours, theirs] = await world.open()
    const destroyed: unknown[] = []
    world.b.on('destroy', (channel, error) => void destroyed.push(channel, error.code))
    world.b.destroy()
    assert.equal(theirs.state, 'destroyed')
    assert.deepEqual(destroyed, [theirs, 'NodeLost'])
    await world.clock.run(10)
    assert.equal(ours.state, 'destroyed')
    assert.equal(world.b.state, 'destroyed')
  })

  it('gives up what it attempts', async () => {
    const world = new TestWorld()
    await world.b.listen('b')
    world.network.cut('a', 'b')
    const connecting = assert.rejects(world.a.connect('b'), hasCode('Cancelled'))
    world.a.destroy()
    await connecting
    await assert.rejects(world.a.connect('b'), hasCode('Cancelled'))
    assert.equal(world.clock.timers, 0)
  })

  it('can be asked for again, and nothing happens', async () => {
    const world = new TestWorld()
    await world.a.close()
    await world.a.close()
    world.a.destroy()
    assert.equal(world.a.state, 'closed')
  })
})

describe('pipe: settings', () => {
  it('an unknown protocol is named with those that are known', () => {
    const world = new TestWorld()
    assert.throws(
      () => world.pipe('c', { protocol: 'telepathy' }),
      /no protocol is registered as "telepathy" \(known: msgpack, json, raw\)/,
    )
  })

  it('refuses to let other machines in without a key or a certificate (checklist 38)', async () => {
    const transport = tcpTransport({ security: 'plain-text' })
    for (const address of [':0', '0.0.0.0:0', '[::]:0']) {
      await assert.rejects(createPipe({ transport }).listen(address), hasCode('Unauthorized'))
    }
  })

  it('describes itself', async () => {
    const world = new TestWorld()
    assert.equal(world.b.describe(), 'pipe simulated b, msgpack, idle, 0 channels')
    await world.open()
    assert.equal(world.b.describe(), 'pipe simulated b at b, msgpack, listening, 1 channels')
    assert.equal(world.b.runner.describe(), 'runner of 0, 0 ready')
  })
})
