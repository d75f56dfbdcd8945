// A chat room: what one member says goes to all others. Both ends hold CHAT_KEY; without it nobody gets in.
import { ClusterKeyring, Sink, createPipe, tcpTransport } from '@epicserver/net'

/** What crosses, in both directions. */
export type Line = { readonly type: 'say'; readonly name: string; readonly text: string }

const security = { clusterKeys: new ClusterKeyring(process.env['CHAT_KEY'] ?? '') }
const pipe = createPipe<Line>({ transport: tcpTransport({ security }), protocol: 'json' })
const room = new Sink<Line>({ name: 'room' })
room.gather(pipe)
room.on('say', (line, from) => room.send(line, { except: from }))
pipe.on('accepted', (channel) => console.log(`${channel.describe()}: came, ${room.describe()}`))
pipe.on('close', (channel) => console.log(`${channel.describe()}: left, ${room.describe()}`))
console.log(`chat at ${await pipe.listen(process.argv[2] ?? '[::1]:3030')}`)
process.on('SIGINT', () => void pipe.close())
