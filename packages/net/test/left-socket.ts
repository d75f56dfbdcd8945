// A process that listens at the path it is given, and waits to be killed.
import { createPipe } from '#src/pipe.ts'
import { unixTransport } from '#src/transports/unix.ts'

const pipe = createPipe({ transport: unixTransport() })
await pipe.listen(process.argv[2] ?? '')
process.send?.('listening')
process.on('disconnect', () => process.exit())
