/** A channel between nodes over a real socket: what a flood on one lane does to the others. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { createPipe, unixTransport, type Channel } from '@epicserver/net'
import { SocketChannel } from '#src/host/socket-channel.ts'

const BATCH_BYTES = 64 * 1024
const BATCHES = 480
const FLOOD = 1
const CONTROL = 2
const UNRELIABLE = 3

const batch = (kind: number): Uint8Array => new Uint8Array(BATCH_BYTES).fill(kind, 0, 1)

interface Connected {
  readonly near: SocketChannel
  readonly far: SocketChannel
  /** The kinds of the batches that have arrived, in order. */
  readonly arrived: number[]
  /** Resolves when so many have. */
  readonly arrival: (count: number) => Promise<void>
  /** Resolves when the near side has ended. */
  readonly end: Promise<void>
}

async function connect(context: TestContext): Promise<Connected> {
  const folder = mkdtempSync(join(tmpdir(), 'epic-lanes-'))
  const pipe = createPipe<Uint8Array>({ transport: unixTransport(), protocol: 'raw' })
  context.after(() => {
    pipe.destroy()
    rmSync(folder, { recursive: true })
  })
  await pipe.listen(join(folder, 'socket'))
  const accepted = new Promise<Channel<Uint8Array>>((resolve) => pipe.on('accepted', resolve))
  const channel = await pipe.connect(join(folder, 'socket'))
  const arrived: number[] = []
  let wanted = Infinity
  let done = (): void => undefined
  const far = new SocketChannel()
  far.connect(await accepted, {
    onBatch: (bytes) => {
      arrived.push(bytes[0] as number)
      if (arrived.length >= wanted) done()
    },
    onClose: () => undefined,
  })
  const near = new SocketChannel()
  const end = new Promise<void>((resolve) => {
    near.connect(channel, { onBatch: () => undefined, onClose: () => resolve() })
  })
  return {
    near,
    far,
    end,
    arrived,
    arrival: (count) =>
      new Promise((resolve) => {
        wanted = count
        done = resolve
        if (arrived.length >= count) resolve()
      }),
  }
}

describe('a socket channel that is flooded on one lane', () => {
  it('counts what waits there, brings all of it in the end, and holds nothing then', async (context) => {
    const { near, arrival } = await connect(context)
    for (let i = 0; i < BATCHES; i += 1) near.send('normal', batch(FLOOD))
    assert.ok(near.backlogBytes('normal') > 20 * 1024 * 1024, `${near.backlogBytes('normal')}`)
    assert.equal(near.backlogBytes('high'), 0)
    await arrival(BATCHES)
    assert.equal(near.backlogBytes('normal'), 0)
  })

  it('carries control and unreliable traffic past all that waits', async (context) => {
    const { near, arrived, arrival } = await connect(context)
    for (let i = 0; i < BATCHES; i += 1) near.send('normal', batch(FLOOD))
    near.send('control', batch(CONTROL))
    near.sendUnreliable(batch(UNRELIABLE), undefined)
    await arrival(BATCHES + 2)
    // What the socket had taken before is all that can be ahead: half a megabyte of thirty.
    for (const kind of [CONTROL, UNRELIABLE]) {
      const ahead = arrived.indexOf(kind)
      assert.ok(ahead >= 0 && ahead < 10, `${ahead} of ${BATCHES} batches came before ${kind}`)
    }
  })
})

describe('a socket channel that was closed', () => {
  it('hears nothing more of what was on its way', async (context) => {
    const { near, far, arrived, arrival, end } = await connect(context)
    for (let i = 0; i < BATCHES; i += 1) near.send('normal', batch(FLOOD))
    await arrival(1)
    far.close()
    const heard = arrived.length
    await end
    assert.ok(heard < BATCHES)
    assert.equal(arrived.length, heard)
  })
})
