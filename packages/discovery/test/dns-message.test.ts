import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeDnsMessage, DNS_TYPES, encodeDnsMessage } from '#src/dns-message.ts'
import type { DnsMessage, DnsRecord } from '#src/dns-message.ts'
import { PACKET_BYTES_MAX, PACKET_ENTRIES_MAX } from '#src/limits.ts'
import { messageOf } from '#src/service.ts'
import { randomNumbers, spoil } from './hostile-bytes.ts'

const records: readonly DnsRecord[] = [
  { type: 'PTR', name: '_epic._tcp.local', ttl: 10, target: 'a1._epic._tcp.local' },
  { type: 'SRV', name: 'a1._epic._tcp.local', ttl: 10, port: 3030, target: 'a1.local' },
  { type: 'TXT', name: 'a1._epic._tcp.local', ttl: 10, entries: new Map([['v', '1']]) },
  { type: 'AAAA', name: 'a1.local', ttl: 10, address: 'fd00::2' },
  { type: 'A', name: 'a1.local', ttl: 10, address: '192.0.2.2' },
]

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
}

test('dns message: what is written is read', () => {
  const message: DnsMessage = {
    isResponse: true,
    questions: [{ name: '_epic._tcp.local', type: DNS_TYPES.PTR }],
    records,
  }
  assert.deepEqual(decodeDnsMessage(encodeDnsMessage(message)), message)
})

test('dns message: the bytes of a question are those of RFC 1035', () => {
  const question = encodeDnsMessage({
    isResponse: false,
    questions: [{ name: '_epic._tcp.local', type: DNS_TYPES.PTR }],
    records: [],
  })
  const name = '05 5f65706963 04 5f746370 05 6c6f63616c 00'
  assert.deepEqual(question, bytes(`0000 0000 0001 0000 0000 0000 ${name} 000c 0001`))
})

test('dns message: names that others have shortened are read', () => {
  // PTR _epic._tcp.local → a1 + a pointer to the name at byte 12.
  const answer = bytes(
    '0000 8400 0000 0001 0000 0000 05 5f65706963 04 5f746370 05 6c6f63616c 00 000c 0001 0000000a 0005 02 6131 c00c',
  )
  assert.deepEqual(decodeDnsMessage(answer)?.records, [records[0]])
})

test('dns message: a name that points at itself, forwards, or round in a circle is none', () => {
  const head = '0000 8400 0001 0000 0000 0000'
  for (const name of ['c00c', 'c010', '01 61 c00c', 'c0ff', '40', 'c0']) {
    assert.equal(decodeDnsMessage(bytes(`${head} ${name} 000c 0001`)), undefined, name)
  }
})

test('dns message: too long a packet, or one with too many records, is not read', () => {
  const fill = (count: number): Uint8Array =>
    encodeDnsMessage({
      isResponse: true,
      questions: [],
      records: Array.from({ length: count }, () => ({
        type: 'A',
        name: 'a',
        ttl: 1,
        address: '192.0.2.2',
      })),
    })
  assert.equal(fill(62).length < PACKET_BYTES_MAX, true)
  assert.equal(decodeDnsMessage(fill(62))?.records.length, 62)
  assert.equal(decodeDnsMessage(fill(80)), undefined)
  const many = new Uint8Array(12)
  many[7] = PACKET_ENTRIES_MAX + 1
  assert.equal(decodeDnsMessage(many), undefined)
})

test('dns message: records that are not ours are read over, and labels cannot be mistaken', () => {
  // TXT of another class, then type 47 (NSEC), then an A with five bytes.
  const odd = '01 61 00 0010 0003 00000001 0001 00 01 61 00 002f 0001 00000001 0002 ffff'
  const wrong = '01 61 00 0001 0001 00000001 0005 0102030405'
  const dotted = '03 612e62 00 0001 0001 00000001 0004 c0000202'
  const message = decodeDnsMessage(bytes(`0000 8400 0000 0004 0000 0000 ${odd} ${wrong} ${dotted}`))
  assert.deepEqual(message?.records, [{ type: 'A', name: 'a\\046b', ttl: 1, address: '192.0.2.2' }])
})

test('dns message: 100,000 spoiled packets are read or not, and nothing throws', () => {
  const beacon = { instance: 'a1', port: 3030, addresses: ['fd00::2', '192.0.2.2'] }
  const packet = encodeDnsMessage(messageOf({ beacon, entries: new Map([['v', '1']]) }, 10))
  const next = randomNumbers(7)
  let readable = 0
  for (let i = 0; i < 100_000; i += 1) {
    if (decodeDnsMessage(spoil(packet, next)) !== undefined) readable += 1
  }
  assert.ok(readable > 10_000 && readable < 90_000, `${readable} could be read`)
})
