import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { anyKey } from '#src/handlers.ts'
import { createPipe } from '#src/pipe.ts'
import { MemoryHub, memoryTransport } from '#src/transports/memory.ts'
import { describeTransport } from './transport-suite.ts'

describeTransport('memory', () => {
  const transport = memoryTransport(new MemoryHub())
  return {
    connecting: transport,
    accepting: transport,
    address: 'here',
    nobody: 'nowhere',
    isEncoding: false,
  }
})

describe('transport memory', () => {
  it('hands over the message itself: what cannot be encoded crosses too', async (context) => {
    const pipe = createPipe({ transport: memoryTransport(new MemoryHub()) })
    context.after(() => pipe.destroy())
    const got = new Promise((resolve) =>
      pipe.on('accepted', (channel) => void channel.on(anyKey, resolve)),
    )
    await pipe.listen('here')
    const message = { fn: (): number => 1 }
    ;(await pipe.connect('here')).send(message)
    assert.equal(await got, message)
  })

  it('runs no handler within send()', async (context) => {
    const pipe = createPipe({ transport: memoryTransport(new MemoryHub()) })
    context.after(() => pipe.destroy())
    const order: string[] = []
    const got = new Promise<void>((resolve) => {
      pipe.on('accepted', (channel) => {
        channel.on(anyKey, () => {
          order.push('handled')
          resolve()
        })
      })
    })
    await pipe.listen('here')
    const channel = await pipe.connect('here')
    channel.send(1)
    order.push('sent')
    await got
    assert.deepEqual(order, ['sent', 'handled'])
  })
})
