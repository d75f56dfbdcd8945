import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { anyKey } from '#src/handlers.ts'
import { createPipe } from '#src/pipe.ts'
import type { Transport } from '#src/transport.ts'
import { createRandom } from './bytes.ts'
import { TestWorld } from './test-network.ts'

/** A transport that keeps what is written to its links. */
function recording(transport: Transport, chunks: Buffer[]): Transport {
  return {
    ...transport,
    connect: async (address, signal) => {
      const link = await transport.connect(address, signal)
      assert.ok(link.kind === 'bytes')
      const write = link.write.bind(link)
      link.write = (bytes) => {
        chunks.push(Buffer.from(bytes))
        write(bytes)
      }
      return link
    },
  }
}

const MESSAGES = 20

/** What an honest `a` writes in a conversation, chunk by chunk. */
async function recordConversation(): Promise<Buffer[]> {
  const { clock, space, b } = new TestWorld()
  const chunks: Buffer[] = []
  const a = createPipe({
    transport: recording(space.transport('a'), chunks),
    clock,
    heartbeat: 'off',
  })
  await b.listen('b')
  const connecting = a.connect('b')
  await clock.run(20)
  const channel = await connecting
  for (let i = 0; i < MESSAGES; i += 1) {
    channel.send({ type: 'move', path: [i, i + 1] }, { lane: i % 2 === 0 ? 'normal' : 'high' })
    await clock.run(2)
  }
  void channel.close()
  await clock.run(20)
  return chunks
}

/** Says to `b` what was recorded, and hangs up. */
async function play({ clock, space }: TestWorld, chunks: readonly Buffer[]): Promise<void> {
  const connecting = space.transport('x').connect('b', new AbortController().signal)
  await clock.run(3)
  const link = await connecting
  assert.ok(link.kind === 'bytes')
  link.start({ bytes: () => {}, writable: () => {}, ended: () => {} })
  for (const chunk of chunks) link.write(chunk)
  await clock.run(5)
  link.destroy()
  await clock.run(3)
}

/** A world in which `b` listens, and what it delivers. */
async function listening(): Promise<{ world: TestWorld; delivered: unknown[] }> {
  const world = new TestWorld()
  const delivered: unknown[] = []
  world.b.on(
    'accepted',
    (channel) => void channel.on(anyKey, (message) => void delivered.push(message)),
  )
  await world.b.listen('b')
  return { world, delivered }
}

type Mutation = (chunks: Buffer[], random: () => number) => Buffer[]

const pick = (chunks: readonly unknown[], random: () => number): number =>
  Math.floor(random() * chunks.length)

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'a bit flipped': (chunks, random) => {
    const chunk = Buffer.from(chunks[pick(chunks, random)] ?? [])
    const i = Math.floor(random() * chunk.length)
    chunk[i] = (chunk[i] ?? 0) ^ (1 << Math.floor(random() * 8))
    return chunks.with(pick(chunks, random), chunk)
  },
  'a chunk twice': (chunks, random) =>
    chunks.toSpliced(pick(chunks, random), 0, chunks[pick(chunks, random)] ?? Buffer.alloc(0)),
  'a chunk missing': (chunks, random) => chunks.toSpliced(pick(chunks, random), 1),
  'two chunks exchanged': (chunks, random) => {
    const [i, j] = [pick(chunks, random), pick(chunks, random)]
    return chunks.with(i, chunks[j] ?? Buffer.alloc(0)).with(j, chunks[i] ?? Buffer.alloc(0))
  },
  'cut off': (chunks, random) => [Buffer.concat(chunks).subarray(0, Math.floor(random() * 2_000))],
  'noise in between': (chunks, random) =>
    chunks.toSpliced(
      pick(chunks, random),
      0,
      Buffer.from(Array.from({ length: 40 }, () => Math.floor(random() * 256))),
    ),
}

describe('a hostile peer (checklist 9)', () => {
  it('an honest conversation is delivered: the others below differ from it in one thing', async () => {
    const { world, delivered } = await listening()
    await play(world, await recordConversation())
    assert.equal(delivered.length, MESSAGES)
  })

  for (const [name, mutate] of Object.entries(MUTATIONS)) {
    it(`${name}: the pipe keeps working, and what it delivers is whole`, async () => {
      const random = createRandom(name.length)
      const conversation = await recordConversation()
      const { world, delivered } = await listening()
      for (let i = 0; i < 150; i += 1) await play(world, mutate(conversation, random))
      assert.ok(delivered.length > MESSAGES, 'some of it got through')
      for (const message of delivered) assert.equal(typeof JSON.stringify(message), 'string')
      assert.equal(world.b.channels.size, 0)
      assert.equal(world.b.counts.faults, 0)
      assert.equal((await world.open())[0].state, 'open')
    })
  }
})
