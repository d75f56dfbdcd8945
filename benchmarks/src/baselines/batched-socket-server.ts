// The answering half of the bare batched loop: counters behind a unix socket, one write for each
// chunk read. Takes the socket's path and says "listening" to the process that forked it.

import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { BatchReader, encodeBatch, type Reply, type Request } from './batch-framing.ts'

const [, , path] = process.argv
assert(path !== undefined, 'The path of the socket is missing')

const counters = new Map<string, number>()

const server = createServer((socket) => {
  let replies: Reply[] = []
  const reader = new BatchReader<Request>((requests) => {
    for (const [callId, entity, , by] of requests) {
      const value = (counters.get(entity) ?? 0) + by
      counters.set(entity, value)
      replies.push([callId, value])
    }
  })
  socket.on('data', (chunk) => {
    reader.push(chunk)
    if (replies.length === 0) return
    socket.write(encodeBatch(replies))
    replies = []
  })
})
server.listen(path, () => process.send?.('listening'))
process.on('disconnect', () => process.exit())
