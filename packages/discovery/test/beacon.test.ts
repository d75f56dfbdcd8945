import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { BeaconSeal } from '#src/beacon.ts'
import type { Beacon } from '#src/beacon.ts'

const key = randomBytes(32)
const beacon: Beacon = { instance: 'a1', port: 3030, addresses: ['fd00::2', '192.0.2.2'] }
const NOW = 1_700_000_000_000
const seal = new BeaconSeal([key], 'shop')

test('beacon: who has the key knows it as its own, whatever the order of addresses', () => {
  const entries = seal.seal(beacon, NOW)
  const turned = { ...beacon, addresses: beacon.addresses.toReversed() }
  assert.equal(seal.judge(turned, entries, NOW + 1_000), 'ours')
})

test('beacon: another key, another name and no seal at all are foreign', () => {
  const entries = seal.seal(beacon, NOW)
  assert.equal(new BeaconSeal([randomBytes(32)], 'shop').judge(beacon, entries, NOW), 'foreign')
  assert.equal(new BeaconSeal([key], 'market').judge(beacon, entries, NOW), 'foreign')
  assert.equal(seal.judge(beacon, new Map(), NOW), 'foreign')
})

test('beacon: carries no secret (checklist 6)', () => {
  const text = [...seal.seal(beacon, NOW).values()].join(' ')
  assert.ok(!text.includes(key.toString('hex')) && !text.includes('shop'))
})

test('beacon: changed in any part it is forged', () => {
  const entries = seal.seal(beacon, NOW)
  const changes: Partial<Beacon>[] = [
    { instance: 'a2' },
    { port: 3031 },
    { addresses: ['fd00::3', '192.0.2.2'] },
    { addresses: ['fd00::2'] },
  ]
  for (const change of changes) {
    assert.equal(seal.judge({ ...beacon, ...change }, entries, NOW), 'forged')
  }
  const later = new Map(entries).set('t', String(NOW / 1000 + 60))
  assert.equal(seal.judge(beacon, later, NOW + 60_000), 'forged', 'a new stamp needs a new code')
  const short = new Map(entries).set('m', entries.get('m')?.slice(0, 8) ?? '')
  assert.equal(seal.judge(beacon, short, NOW), 'forged')
})

test('beacon: played back after half a minute, or from a clock far ahead, it is stale', () => {
  const entries = seal.seal(beacon, NOW)
  assert.equal(seal.judge(beacon, entries, NOW + 30_000), 'ours')
  assert.equal(seal.judge(beacon, entries, NOW + 31_000), 'stale')
  assert.equal(seal.judge(beacon, entries, NOW - 31_000), 'stale')
})

test('beacon: while keys change, who knows both reads both', () => {
  const next = randomBytes(32)
  const rotating = new BeaconSeal([next, key], 'shop')
  assert.equal(rotating.judge(beacon, seal.seal(beacon, NOW), NOW), 'ours')
  assert.equal(rotating.judge(beacon, rotating.seal(beacon, NOW), NOW), 'ours')
  assert.equal(seal.judge(beacon, rotating.seal(beacon, NOW), NOW), 'foreign')
})
