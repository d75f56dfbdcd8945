import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { BeaconSeal } from '#src/beacon.ts'
import type { Beacon } from '#src/beacon.ts'
import { BeaconFinder } from '#src/beacon-finder.ts'
import { encodeDnsMessage } from '#src/dns-message.ts'
import { PACKET_BYTES_MAX } from '#src/limits.ts'
import { isAbout, messageOf, QUESTION } from '#src/service.ts'
import { randomNumbers, spoil } from './hostile-bytes.ts'

const WALL_MS = 1_700_000_000_000
const seal = new BeaconSeal([randomBytes(32)], 'shop')
const beacon: Beacon = {
  instance: 'a1',
  port: 3030,
  addresses: ['fd00::2', 'fe80::2', '192.0.2.2'],
}

function packet(from: BeaconSeal, said: Beacon = beacon, wallMs = WALL_MS): Uint8Array {
  return encodeDnsMessage(messageOf({ beacon: said, entries: from.seal(said, wallMs) }, 10))
}

function at(monotonicMs: number): { wallMs: number; monotonicMs: number } {
  return { wallMs: WALL_MS + monotonicMs, monotonicMs }
}

test('finder: a beacon of the cluster says where to knock, link-local with its interface', () => {
  const finder = new BeaconFinder(seal)
  assert.deepEqual(finder.handlePacket({ bytes: packet(seal), scope: 'eth0' }, at(0)), [
    '[fd00::2]:3030',
    '[fe80::2%eth0]:3030',
    '192.0.2.2:3030',
  ])
  assert.equal(finder.counts.ours, 1)
})

test('finder: 10,000 copies of a beacon in 4 s are one attempt, and there is another after 5 s (checklist 6, 40)', () => {
  const finder = new BeaconFinder(seal)
  const bytes = packet(seal)
  let attempts = 0
  for (let i = 0; i < 10_000; i += 1) {
    attempts += finder.handlePacket({ bytes, scope: 'eth0' }, at(i * 0.4)).length
  }
  assert.equal(attempts, beacon.addresses.length)
  assert.equal(finder.handlePacket({ bytes, scope: 'eth0' }, at(5_000)).length, 3)
})

test('finder: another cluster is counted and nothing more; so is who lies', () => {
  const finder = new BeaconFinder(seal)
  const foreign = packet(new BeaconSeal([randomBytes(32)], 'shop'))
  const stale = packet(seal, beacon, WALL_MS - 60_000)
  const entries = seal.seal(beacon, WALL_MS)
  const victim = { ...beacon, addresses: ['fd00::dead'] }
  const forged = encodeDnsMessage(messageOf({ beacon: victim, entries }, 10))
  for (const bytes of [foreign, stale, forged, new Uint8Array(PACKET_BYTES_MAX + 1)]) {
    assert.deepEqual(finder.handlePacket({ bytes, scope: undefined }, at(0)), [])
  }
  assert.deepEqual(finder.counts, { ours: 0, foreign: 1, stale: 1, forged: 1, malformed: 1 })
})

test('finder: a goodbye, a question and half a beacon are no beacon', () => {
  const finder = new BeaconFinder(seal)
  const whole = messageOf({ beacon, entries: seal.seal(beacon, WALL_MS) }, 10)
  const goodbye = { ...whole, records: whole.records.map((record) => ({ ...record, ttl: 0 })) }
  const half = { ...whole, records: whole.records.filter(({ type }) => type !== 'TXT') }
  const placeless = { ...whole, records: whole.records.slice(0, 4) }
  for (const message of [goodbye, half, placeless, QUESTION]) {
    const bytes = encodeDnsMessage(message)
    assert.deepEqual(finder.handlePacket({ bytes, scope: undefined }, at(0)), [])
  }
})

test('finder: of 50,000 spoiled beacons none is believed that says something else', () => {
  const finder = new BeaconFinder(seal)
  const next = randomNumbers(11)
  const bytes = packet(seal)
  for (let i = 0; i < 50_000; i += 1) {
    const found = finder.handlePacket({ bytes: spoil(bytes, next), scope: 'eth0' }, at(i * 6_000))
    for (const address of found)
      assert.match(address, /^\[(fd00::2|fe80::2%eth0)\]:3030$|^192\.0\.2\.2:3030$/)
  }
  assert.ok(finder.counts.malformed > 0 && finder.counts.foreign > 0)
})

test('service: it is asked for by kind, by name and by host, as tools do', () => {
  const asked = (name: string, type: number): boolean => isAbout({ name, type }, beacon)
  assert.ok(asked('_epic._tcp.local', 12) && asked('_EPIC._TCP.LOCAL', 255))
  assert.ok(asked('_services._dns-sd._udp.local', 12))
  assert.ok(asked('a1._epic._tcp.local', 33) && asked('a1.local', 28))
  assert.ok(!asked('_http._tcp.local', 12) && !asked('a2.local', 28) && !asked('a1.local', 12))
})
