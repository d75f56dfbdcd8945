// A Moleculer service with counters, and brokers as Moleculer's documentation sets them up for its
// TCP transporter, with the static list of nodes in place of discovery by multicast.

import { Server } from 'node:net'
import { ServiceBroker } from 'moleculer'

const counters = new Map()

/** A broker that serves the counters: to itself, or to other nodes if it has a transporter. */
export function createCounterBroker(options) {
  const broker = new ServiceBroker({ logger: false, ...options })
  broker.createService({
    name: 'counter',
    actions: {
      increment(context) {
        const { key, by } = context.params
        const count = (counters.get(key) ?? 0) + by
        counters.set(key, count)
        return count
      },
    },
  })
  return broker
}

/** A broker without services of its own, for the calling side. */
export function createCallingBroker(options) {
  return new ServiceBroker({ logger: false, ...options })
}

/** The TCP transporter between node `server` and node `load`, on these ports. */
export function tcpBetween(serverPort, loadPort) {
  listenOnLoopbackOnly()
  return {
    type: 'TCP',
    options: {
      udpDiscovery: false,
      useHostname: false,
      urls: { server: `127.0.0.1:${serverPort}`, load: `127.0.0.1:${loadPort}` },
    },
  }
}

// The transporter has no option for the address it listens on, and would listen on all.
function listenOnLoopbackOnly() {
  const { listen } = Server.prototype
  Server.prototype.listen = function listenOnLoopback(options, ...rest) {
    return listen.call(this, { host: '127.0.0.1', ...options }, ...rest)
  }
}
