/** Something newer that listens at the socket and refuses every hello. Argument: socket. */
import { createServer } from 'node:net'
import { createCodec } from '@epicserver/wire'

const codec = createCodec()
const message = codec.encode([
  0,
  { kind: 'failed', code: 'Incompatible', message: 'Cannot talk: I am newer' },
])
const header = Buffer.alloc(4)
header.writeUInt32LE(message.length)
const server = createServer((socket) => {
  socket.on('error', () => undefined)
  socket.once('data', () => socket.end(Buffer.concat([header, message])))
})
server.listen(process.argv[2], () => process.send?.('ready'))
process.on('disconnect', () => process.exit())
