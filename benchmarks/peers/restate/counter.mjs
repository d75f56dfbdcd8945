// A virtual object with a counter, served as Restate's documentation does for Node. `echo` is the
// plain call: Restate has no state that is not durable. Takes the port; ends with its parent.

import { createServer } from 'node:http2'
import process from 'node:process'

// The SDK needs this of Node 22, though its package.json names no version.
Promise.withResolvers ??= function withResolvers() {
  let resolve, reject
  const promise = new this((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  return { promise, resolve, reject }
}

const restate = await import('@restatedev/restate-sdk')

const counter = restate.object({
  name: 'Counter',
  handlers: {
    async echo(_context, by) {
      return by
    },
    async increment(context, by) {
      const count = ((await context.get('count')) ?? 0) + by
      context.set('count', count)
      return count
    },
  },
})

const port = Number(process.argv[2])
createServer(restate.createEndpointHandler({ services: [counter] })).listen(port, '127.0.0.1', () =>
  process.send('listening'),
)
process.on('disconnect', () => process.exit())
