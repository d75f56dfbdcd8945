import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { FinderCounts, MulticastCounts } from '@epicserver/discovery'
import { makeLink, missingNamespaces } from './test-link.ts'

const skip = await missingNamespaces()
const key = randomBytes(32).toString('hex')
const otherKey = randomBytes(32).toString('hex')

type Counts = FinderCounts & MulticastCounts

test('lan: a machine is found by who has its key, whoever was there first', { skip }, async (t) => {
  const [one, two, three] = await makeLink(t, 3)
  const early = two!.start('find', key, 'shop')
  await early.next('seeks')
  const announces = one!.start('announce', key, 'shop', 'm1')
  await announces.next('announced')
  const found = (await early.next('found')) as string[]
  assert.equal(found[0], '[fd00:e::1]:3030')
  assert.match(found[1] ?? '', /^\[fe80::[0-9a-f:]+%eth0\]:3030$/)
  const late = three!.start('find', key, 'shop')
  assert.deepEqual(((await late.next('found')) as string[])[0], '[fd00:e::1]:3030')
  for (const program of [early, late, announces]) await program.end()
})

test('lan: another cluster’s beacon is passed over and counted', { skip }, async (t) => {
  const [one, two, three] = await makeLink(t, 3)
  const seeks = two!.start('find', key, 'shop')
  await seeks.next('seeks')
  await three!.start('announce', otherKey, 'shop', 'm3').next('announced')
  await one!.start('announce', key, 'shop', 'm1').next('announced')
  assert.deepEqual(((await seeks.next('found')) as string[])[0], '[fd00:e::1]:3030')
  const { foreign, forged } = (await seeks.ask('counts')) as Counts
  assert.ok(foreign >= 1)
  assert.equal(forged, 0)
})

test(
  'lan: in a flood packets are dropped by the system, and a beacon is found when it is over',
  { skip },
  async (t) => {
    const [one, two, three] = await makeLink(t, 3)
    const seeks = two!.start('find', key, 'shop')
    await seeks.next('seeks')
    const flood = three!.start('flood', key, 'shop', 'eth0')
    await flood.next('floods')
    // Each question is a packet's time apart, so this is no busy loop.
    while (((await seeks.ask('counts')) as Counts).floods < 2) await flood.ask('sent')
    const sent = (await flood.ask('sent')) as number
    const { packets } = (await seeks.ask('counts')) as Counts
    await flood.end()
    assert.ok(packets < sent / 4, `${packets} of ${sent} packets were read`)
    await one!.start('announce', key, 'shop', 'm1').next('announced')
    assert.deepEqual(((await seeks.next('found')) as string[])[0], '[fd00:e::1]:3030')
  },
)

test(
  'lan: a host without IPv6 is told what to switch on and why that is safe',
  { skip },
  async (t) => {
    const [one] = await makeLink(t, 1)
    await one!.exec('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1')
    const error = (await one!.start('announce', key, 'shop', 'm1').next('error')) as string
    assert.match(error, /no interface has an IPv6 address/)
    assert.match(error, /sysctl net\.ipv6\.conf\.all\.disable_ipv6=0.*link-local.*--join host:3030/)
  },
)
