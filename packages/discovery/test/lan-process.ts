/**
 * One machine of a test network: announces, seeks, or floods, as its arguments say, and prints what it sees, one JSON object a line.
 * It ends when its input does.
 */
import { createSocket } from 'node:dgram'
import { announceOnLan, BeaconSeal, findOnLan } from '@epicserver/discovery'

const [role = '', key = '', cluster = '', instance = ''] = process.argv.slice(2)
const seal = new BeaconSeal([Buffer.from(key, 'hex')], cluster)
const troubles: string[] = []
const handleTrouble = (error: Error): void => void troubles.push(error.message)

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

async function announce(): Promise<void> {
  const announcement = await announceOnLan({ seal, instance, port: 3030, handleTrouble })
  print({ announced: instance })
  process.stdin.once('end', () => announcement.close())
}

async function find(): Promise<void> {
  const search = await findOnLan({
    seal,
    handleTrouble,
    handleFound: (addresses) => print({ found: addresses }),
  })
  print({ seeks: cluster })
  // Each line of the input asks for the counts.
  process.stdin.on('data', () =>
    print({ counts: search.counts, troubles, cpuMs: process.cpuUsage().user / 1_000 }),
  )
  process.stdin.once('end', () => search.close())
}

/** Sends as fast as it can until its input ends. */
function flood(): void {
  const socket = createSocket('udp6')
  const noise = Buffer.alloc(300, 7)
  let sent = 0
  const send = (): void => {
    for (let i = 0; i < 200; i += 1) socket.send(noise, 5353, `ff02::fb%${instance}`)
    sent += 200
    setImmediate(send)
  }
  socket.bind(0, () => {
    print({ floods: true })
    send()
  })
  process.stdin.on('data', () => print({ sent }))
  process.stdin.once('end', () => process.exit())
}

try {
  if (role === 'announce') await announce()
  else if (role === 'find') await find()
  else flood()
} catch (error) {
  print({ error: (error as Error).message })
  process.exit(1)
}
process.stdin.resume()
