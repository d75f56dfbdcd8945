// The measured process: takes its own port and the load's.

import process from 'node:process'
import { createCounterBroker, tcpBetween } from './counter.mjs'

const [, , serverPort, loadPort] = process.argv
const transporter = tcpBetween(serverPort, loadPort)
await createCounterBroker({ nodeID: 'server', transporter }).start()
process.send('listening')
process.on('disconnect', () => process.exit())
