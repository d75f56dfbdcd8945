// A member of the chat: says what is typed, shows what others say.
import { createInterface } from 'node:readline'
import { ClusterKeyring, createPipe, tcpTransport } from '@epicserver/net'
import type { Line } from './server.ts'

const [name = 'nobody', address = '[::1]:3030'] = process.argv.slice(2)
const security = { clusterKeys: new ClusterKeyring(process.env['CHAT_KEY'] ?? '') }
const pipe = createPipe<Line>({ transport: tcpTransport({ security }), protocol: 'json' })
const channel = await pipe.connect(address)
channel.on('say', (line) => console.log(JSON.stringify(line.name), JSON.stringify(line.text)))
channel.onEnd((error) => process.exit(error === undefined ? 0 : 1))
console.log(`${channel.describe()}: type, and end with Ctrl-D`)
for await (const text of createInterface(process.stdin)) channel.send({ type: 'say', name, text })
await channel.close()
