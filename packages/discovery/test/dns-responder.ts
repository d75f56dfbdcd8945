/**
 * A small DNS server of a test's own, on loopback: over UDP, with the records that it is given.
 *
 * Its packets are made by hand, by RFC 1035 and 2782, so that nothing of ours vouches for itself.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { TestContext } from 'node:test'

export type DnsRecord =
  | { readonly type: 'A' | 'AAAA'; readonly address: readonly number[] }
  | {
      readonly type: 'SRV'
      readonly priority: number
      readonly weight: number
      readonly port: number
      readonly target: string
    }

const TYPES = { A: 1, AAAA: 28, SRV: 33 } as const
const RESPONSE = 0x8180
const NO_SUCH_NAME = 3
const SERVER_FAILURE = 2

export interface DnsResponder {
  /** As a resolver is told it. */
  readonly server: string
  /** What it was asked, as in `SRV _epic._tcp.example.org`. */
  readonly asked: readonly string[]
}

/** @param zone - records by name; a name that is missing is said not to exist, and `fails` of a name is a failure */
export async function startDnsResponder(
  t: TestContext,
  zone: Readonly<Record<string, readonly DnsRecord[] | 'fails'>>,
): Promise<DnsResponder> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (query, { port, address }) => {
    const { name, type, end } = questionIn(query)
    asked.push(`${Object.entries(TYPES).find(([, code]) => code === type)?.[0] ?? type} ${name}`)
    const found = zone[name]
    const records =
      found === 'fails' ? [] : (found ?? []).filter((each) => TYPES[each.type] === type)
    const code = found === 'fails' ? SERVER_FAILURE : found === undefined ? NO_SUCH_NAME : 0
    const head = Buffer.alloc(12)
    query.copy(head, 0, 0, 2)
    for (const [at, value] of [RESPONSE | code, 1, records.length, 0, 0].entries())
      head.writeUInt16BE(value, 2 + at * 2)
    const answer = Buffer.concat([head, query.subarray(12, end), ...records.map(answerOf)])
    socket.send(answer, port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.after(() => socket.close())
  return { server: `127.0.0.1:${socket.address().port}`, asked }
}

function questionIn(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

/** A record of the name that was asked for, which stands at byte 12. */
function answerOf(record: DnsRecord): Buffer {
  const data = dataOf(record)
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(TYPES[record.type], 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(60, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

function dataOf(record: DnsRecord): Buffer {
  if (record.type !== 'SRV') return Buffer.from(record.address)
  const head = Buffer.alloc(6)
  head.writeUInt16BE(record.priority, 0)
  head.writeUInt16BE(record.weight, 2)
  head.writeUInt16BE(record.port, 4)
  const labels = record.target
    .split('.')
    .map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]))
  return Buffer.concat([head, ...labels, Buffer.of(0)])
}
