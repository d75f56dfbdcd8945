import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolvePlace } from '@epicserver/discovery'
import { startDnsResponder, type DnsRecord } from './dns-responder.ts'

const place = { name: 'epic.test', port: 3030 }
const service = '_epic._tcp.epic.test'
const six: DnsRecord = {
  type: 'AAAA',
  address: [0xfd, 0, 0, 0xe, ...Array.from({ length: 11 }, () => 0), 7],
}
const four: DnsRecord = { type: 'A', address: [10, 0, 0, 7] }

function srv(target: string, priority: number, weight: number): DnsRecord {
  return { type: 'SRV', priority, weight, port: 4000 + priority, target }
}

test('dns: SRV records count first, by priority and weight, each with its port', async (t) => {
  const zone = {
    [service]: [srv('c.epic.test', 2, 9), srv('a.epic.test', 1, 5), srv('b.epic.test', 1, 7)],
    'epic.test': [six],
  }
  const { server, asked } = await startDnsResponder(t, zone)
  assert.deepEqual(await resolvePlace(place, [server]), [
    'b.epic.test:4001',
    'a.epic.test:4001',
    'c.epic.test:4002',
  ])
  assert.deepEqual(asked, [`SRV ${service}`])
})

test('dns: without them the addresses of the name, IPv6 first, with the usual port', async (t) => {
  const { server } = await startDnsResponder(t, { 'epic.test': [four, six] })
  assert.deepEqual(await resolvePlace(place, [server]), ['[fd00:e::7]:3030', '10.0.0.7:3030'])
})

test('dns: a name of one kind of address is found by it', async (t) => {
  const { server } = await startDnsResponder(t, { 'epic.test': [four] })
  assert.deepEqual(await resolvePlace(place, [server]), ['10.0.0.7:3030'])
})

test('dns: a name that is not there, or not yet, is no address and no error', async (t) => {
  const { server } = await startDnsResponder(t, {})
  assert.deepEqual(await resolvePlace(place, [server]), [])
})

test('dns: a server that fails is told as such, and may be asked again', async (t) => {
  const { server } = await startDnsResponder(t, { [service]: 'fails' })
  await assert.rejects(resolvePlace(place, [server]), {
    code: 'Unavailable',
    retry: 'safe',
    message: /^Cannot ask DNS: .*_epic\._tcp\.epic\.test/,
  })
})
