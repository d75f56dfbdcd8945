import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import { isEpicError } from '@epicserver/contracts'
import type { ErrorCode } from '@epicserver/contracts'
import type { Channel } from '#src/channel.ts'
import { clusterKeyHandshake } from '#src/cluster-key-handshake.ts'
import { createClusterKey } from '#src/cluster-keyring.ts'
import { anyKey } from '#src/handlers.ts'
import { createPipe } from '#src/pipe.ts'
import type { Pipe } from '#src/pipe.ts'
import type { PipeOptions } from '#src/pipe-parts.ts'
import type { Transport } from '#src/transport.ts'

/** What the suite needs of a transport. */
export interface TransportFixture {
  /** Two ends that reach each other; often the same one twice. */
  readonly connecting: Transport
  readonly accepting: Transport
  /** A free address. */
  readonly address: string
  /** An address at which nobody listens. */
  readonly nobody: string
  /** Whether messages cross as bytes. */
  readonly isEncoding: boolean
}

type Options = Partial<PipeOptions<unknown>>

/** What every transport must do, on a real clock and with real sockets where it has any. */
export function describeTransport(
  name: string,
  create: (context: TestContext) => TransportFixture,
): void {
  const open = async (context: TestContext, options: Options = {}): Promise<Open> => {
    const fixture = create(context)
    const a = createPipe({ ...options, transport: fixture.connecting })
    const b = createPipe({ ...options, transport: fixture.accepting })
    context.after(() => {
      a.destroy()
      b.destroy()
    })
    const accepted = new Promise<Channel>((resolve) => b.on('accepted', resolve))
    const address = await b.listen(fixture.address)
    const ours = await a.connect(address)
    return { a, b, ours, theirs: await accepted, address, fixture }
  }

  describe(`transport ${name}`, () => {
    it('carries messages both ways, in order', async (context) => {
      const { ours, theirs } = await open(context)
      theirs.on(anyKey, (message) => theirs.send([message]))
      const answers = take(ours, 1_000)
      for (let i = 0; i < 1_000; i += 1) ours.send(i)
      assert.deepEqual(
        await answers,
        Array.from({ length: 1_000 }, (_, i) => [i]),
      )
    })

    it('carries a message of some megabytes, and small ones around it', async (context) => {
      const { ours, theirs } = await open(context)
      const sizes = take(theirs, 3).then((messages) =>
        messages.map((message) => (message as string).length),
      )
      for (const size of [1, 3_000_000, 2]) ours.send('x'.repeat(size))
      assert.deepEqual(await sizes, [1, 3_000_000, 2])
    })

    it('carries far more than all windows and buffers hold, to a slow receiver', async (context) => {
      const { ours, theirs } = await open(context)
      let got = 0
      const done = new Promise<void>((resolve) => {
        theirs.on(anyKey, async () => {
          got += 1
          if (got % 10 === 0) await new Promise((next) => setImmediate(next))
          if (got === 400) resolve()
        })
      })
      for (let i = 0; i < 400; i += 1) {
        await ours.whenRoom()
        ours.send('x'.repeat(50_000))
      }
      await done
    })

    it('closes with everything delivered, on both sides', async (context) => {
      const { a, b, ours, theirs } = await open(context)
      const messages = take(theirs, 2)
      const ended = new Promise((resolve) => theirs.onEnd(resolve))
      ours.send('last')
      ours.send('words')
      assert.equal(await ours.close('done'), true)
      assert.deepEqual(await messages, ['last', 'words'])
      assert.equal(await ended, undefined)
      assert.equal(theirs.closeReason, 'done')
      await Promise.all([a.close(), b.close()])
      assert.deepEqual([a.state, b.state], ['closed', 'closed'])
    })

    it('notices at once that the other side destroyed the channel', async (context) => {
      const { ours, theirs } = await open(context)
      const ended = new Promise<ErrorCode | undefined>((resolve) => {
        ours.onEnd((error) => resolve(error?.code))
      })
      theirs.destroy()
      assert.equal(await ended, 'NodeLost')
    })

    it('proves the cluster key, and refuses a wrong one', async (context) => {
      const key = createClusterKey()
      const node = (nodeId: string, clusterKey = key): Options => ({
        handshake: clusterKeyHandshake(clusterKey, { clusterId: 'test', nodeId, role: 'node' }),
      })
      const fixture = create(context)
      const b = createPipe({ ...node('n2'), log: SILENT, transport: fixture.accepting })
      const friend = createPipe({ ...node('n1'), transport: fixture.connecting })
      const stranger = createPipe({
        ...node('n3', createClusterKey()),
        transport: fixture.connecting,
      })
      context.after(() => {
        for (const pipe of [b, friend, stranger]) pipe.destroy()
      })
      const address = await b.listen(fixture.address)
      const channel = await friend.connect(address)
      assert.equal(channel.identity?.nodeId, 'n2')
      await assert.rejects(stranger.connect(address), isEpicError)
      assert.equal(b.counts.unauthorized, 1)
    })

    it('fails where nobody listens, and where someone else does', async (context) => {
      const { fixture, a, address } = await open(context)
      await assert.rejects(a.connect(fixture.nobody), hasCode('Unavailable'))
      const rival = createPipe({ transport: fixture.accepting })
      await assert.rejects(rival.listen(address), hasCode('Unavailable'))
      assert.equal(rival.state, 'idle', 'and may try elsewhere')
    })

    it('keeps what was accepted when listening stops, and lets the address be had again', async (context) => {
      const { b, a, ours, theirs, address, fixture } = await open(context)
      void b.close()
      await assert.rejects(a.connect(address), isEpicError)
      for (const channel of [ours, theirs]) await new Promise((resolve) => channel.onEnd(resolve))
      assert.deepEqual([ours.state, theirs.state], ['closed', 'closed'])
      const next = createPipe({ transport: fixture.accepting })
      context.after(() => next.destroy())
      await next.listen(address)
      assert.equal((await a.connect(address)).state, 'open')
    })

    it('counts what crosses', async (context) => {
      const { ours, theirs, fixture } = await open(context)
      const messages = take(theirs, 10)
      for (let i = 0; i < 10; i += 1) ours.send({ i })
      await messages
      assert.equal(ours.counts.messagesSent, 10)
      assert.equal(theirs.counts.messagesReceived, 10)
      assert.equal(ours.counts.batchesSent, 1)
      assert.equal(theirs.counts.bytesReceived > 0, fixture.isEncoding)
      assert.equal(ours.counts.bytesSent, theirs.counts.bytesReceived)
    })
  })
}

interface Open {
  readonly a: Pipe
  readonly b: Pipe
  readonly ours: Channel
  readonly theirs: Channel
  readonly address: string
  readonly fixture: TransportFixture
}

const SILENT = { info: (): void => {}, warn: (): void => {} }

const hasCode = (code: ErrorCode) => (error: unknown) => isEpicError(error) && error.code === code

/** The next so many messages that arrive. */
function take(channel: Channel, count: number): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const messages: unknown[] = []
    channel.onEnd((error) =>
      reject(error ?? new Error(`the channel was closed after ${messages.length} messages`)),
    )
    channel.on(anyKey, (message) => {
      messages.push(message)
      if (messages.length === count) resolve(messages)
    })
  })
}
