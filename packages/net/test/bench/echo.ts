/** The process that is called: answers each call with the first argument. Started by `loop.ts` as: echo.js <loop> <path> <end of tick>. */
import { createServer } from 'node:net'
import { anyKey, createPipe, unixTransport } from '@epicserver/net'
import { bareLoop } from './bare-loop.ts'
import { callProtocol } from './call-protocol.ts'
import { clockWith } from './loop-clock.ts'
import type { EndOfTick } from './loop-clock.ts'

const [loop = '', path = '', end = 'settled', answers = 'at once'] = process.argv.slice(2)
const clock = clockWith(end as EndOfTick)

/** Answers as an entity's async method does: some promises later. */
function later(fn: () => void): void {
  void Promise.resolve()
    .then(() => {})
    .then(fn)
}
const answer = answers === 'later' ? later : (fn: () => void): void => fn()

if (loop === 'bare') {
  const server = createServer((socket) => {
    socket.on('error', () => process.exit())
    bareLoop(socket, (call, send) => {
      answer(() => send([call[0], (call[4] as unknown[])[0]]))
    })
  })
  server.listen(path, () => process.send?.('ready'))
} else {
  const isCalls = loop === 'calls'
  const pipe = createPipe<never>({
    transport: unixTransport(),
    clock,
    ...(isCalls ? { protocol: callProtocol as never } : { protocol: 'msgpack' }),
  })
  pipe.on('accepted', (channel) => {
    channel.on(anyKey, (message) => {
      if (isCalls) {
        const { id, value } = message as { id: number; value: unknown[] }
        answer(() =>
          channel.send({
            isReply: true,
            id,
            type: '',
            entity: '',
            operation: '',
            value: value[0],
          } as never),
        )
      } else {
        const call = message as unknown[]
        answer(() => channel.send([call[0], (call[4] as unknown[])[0]] as never))
      }
    })
  })
  await pipe.listen(path)
  process.send?.('ready')
}
process.on('disconnect', () => process.exit())
