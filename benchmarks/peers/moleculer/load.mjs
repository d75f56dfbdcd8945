// The probe that calls: over TCP when it is given the ports of server and load, else inside its own
// process.

import process from 'node:process'
import { runClosedLoop } from '../../dist/src/closed-loop.js'
import { serveProbe } from '../../dist/src/probe.js'
import { createCallingBroker, createCounterBroker, tcpBetween } from './counter.mjs'

const [, , serverPort, loadPort] = process.argv
const broker =
  serverPort === undefined
    ? createCounterBroker({})
    : createCallingBroker({ nodeID: 'load', transporter: tcpBetween(serverPort, loadPort) })
await broker.start()
await broker.waitForServices('counter')

serveProbe((load) =>
  runClosedLoop((target) => broker.call('counter.increment', { key: `${target}`, by: 1 }), load),
)
