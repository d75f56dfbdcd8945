// The answering half of the bare batched loop: counters behind a socket, one write for each chunk
// read. Takes the kind of stream and the path of a unix socket, and says its address to the process that forked it.

import assert from 'node:assert/strict'
import { listen, streamKindOf } from './bare-stream.ts'
import { BatchReader, encodeBatch, type Reply, type Request } from './batch-framing.ts'

const [, , kind, path] = process.argv
assert(path !== undefined, 'The path of the socket is missing')

const counters = new Map<string, number>()

const address = await listen(streamKindOf(kind), path, (socket) => {
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
process.send?.(address)
process.on('disconnect', () => process.exit())
