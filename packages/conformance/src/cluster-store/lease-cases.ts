/** Conformance of cluster stores: leases that live, and leases that are revoked. Those that expire are in `expiry-cases.ts`. */
import assert from 'node:assert/strict'
import type { Op } from '@epicserver/contracts'
import { bytesOf, codeOf } from './ground.ts'
import type { ClusterCases } from './ground.ts'

/** What is no lease of any engine, though some parse it as a number. */
const NO_LEASES: readonly string[] = [
  '',
  ' ',
  '0',
  '-1',
  '1',
  '00',
  'abc',
  '1.5',
  '1e3',
  '0x10',
  'NaN',
  '9223372036854775807',
  '99999999999999999999999',
  '__proto__',
  "' or 1=1",
  '\u0000',
  '\ud83d',
  '日本',
  'x'.repeat(10_000),
]

export const leaseCases: ClusterCases = {
  'a lease lasts at least what was asked, and at least the smallest time': async (ground) => {
    const asked = await ground.store.grant(ground.longTtlMs)
    const short = await ground.store.grant(1)
    assert.ok(asked.ttlMs >= ground.longTtlMs)
    assert.ok(short.ttlMs >= ground.store.limits.ttlMsMin)
    await ground.store.revoke(asked.id)
    await ground.store.revoke(short.id)
  },

  'a time that is none is refused': async (ground) => {
    for (const ttlMs of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 86_400_001]) {
      assert.equal(await codeOf(ground.store.grant(ttlMs)), 'SettingsInvalid', String(ttlMs))
    }
  },

  'no two grants get one id, however many ask at once': async (ground) => {
    const grants = Array.from({ length: 200 }, (_, i) =>
      (i % 2 === 0 ? ground.store : ground.other).grant(ground.longTtlMs),
    )
    const ids = (await Promise.all(grants)).map((lease) => lease.id)
    assert.equal(new Set(ids).size, 200)
    await Promise.all(ids.map((id) => ground.store.revoke(id)))
  },

  'a record tells the lease that it goes with': async (ground) => {
    const { id } = await ground.store.grant(ground.longTtlMs)
    await ground.put('member', 'alive', { lease: id })
    assert.equal((await ground.other.get(ground.key('member')))?.lease, id)
    assert.equal((await ground.other.list(ground.prefix)).recs[0]?.lease, id)
    await ground.store.revoke(id)
  },

  'a lease is renewed, and put under, by other clients than its own': async (ground) => {
    const { id, ttlMs } = await ground.store.grant(ground.longTtlMs)
    assert.equal((await ground.other.keepAlive(id)).ttlMs, ttlMs)
    assert.equal((await ground.put('a', 'one', { lease: id, by: ground.other })).ok, true)
    await ground.other.revoke(id)
    assert.equal(await codeOf(ground.store.keepAlive(id)), 'LeaseLost')
  },

  'a hundred renewals at once are all answered': async (ground) => {
    const { id, ttlMs } = await ground.store.grant(ground.longTtlMs)
    const renewals = await Promise.all(
      Array.from({ length: 100 }, () => ground.store.keepAlive(id)),
    )
    assert.ok(renewals.every((renewal) => renewal.ttlMs === ttlMs))
    await ground.store.revoke(id)
  },

  'revoking deletes every key of the lease at once': async (ground) => {
    const { id } = await ground.store.grant(ground.longTtlMs)
    const stays = await ground.store.grant(ground.longTtlMs)
    for (const name of ['a', 'b', 'c']) await ground.put(name, 'leased', { lease: id })
    await ground.put('free', 'stays')
    await ground.put('theirs', 'stays', { lease: stays.id })
    const watch = ground.watch(await ground.rev())
    await ground.other.revoke(id)
    assert.deepEqual(await ground.names(), ['free', 'theirs'])
    await watch.untilCount(3)
    assert.equal(watch.batches.length, 1)
    watch.close()
    await ground.store.revoke(stays.id)
  },

  'revoking twice, or what never was, is no error': async (ground) => {
    const { id } = await ground.store.grant(ground.longTtlMs)
    await ground.store.revoke(id)
    await ground.store.revoke(id)
    for (const none of NO_LEASES) await ground.store.revoke(none)
  },

  'a revoked lease is lost for ever': async (ground) => {
    const { id } = await ground.store.grant(ground.longTtlMs)
    await ground.store.revoke(id)
    await ground.store.grant(ground.longTtlMs)
    assert.equal(await codeOf(ground.store.keepAlive(id)), 'LeaseLost')
    assert.equal(await codeOf(ground.other.keepAlive(id)), 'LeaseLost')
    assert.equal(await codeOf(ground.put('a', 'late', { lease: id })), 'LeaseLost')
  },

  'what never was a lease is lost': async (ground) => {
    for (const none of NO_LEASES) {
      assert.equal(
        await codeOf(ground.store.keepAlive(none)),
        'LeaseLost',
        JSON.stringify(none.slice(0, 30)),
      )
      assert.equal(
        await codeOf(ground.put('a', 'x', { lease: none })),
        'LeaseLost',
        JSON.stringify(none.slice(0, 30)),
      )
    }
    assert.deepEqual(await ground.names(), [])
  },

  'to put under a lost lease does nothing of the transaction': async (ground) => {
    const { id } = await ground.store.grant(ground.longTtlMs)
    await ground.put('stays', 'old')
    await ground.store.revoke(id)
    const then: Op[] = [
      { op: 'put', key: ground.key('first'), value: bytesOf('first') },
      { op: 'delete', key: ground.key('stays') },
      { op: 'put', key: ground.key('leased'), value: bytesOf('leased'), lease: id },
    ]
    assert.equal(await codeOf(ground.store.txn({ if: [], then })), 'LeaseLost')
    assert.deepEqual(await ground.names(), ['stays'])
  },

  'a key put again without a lease stays': async (ground) => {
    const { id } = await ground.store.grant(ground.longTtlMs)
    await ground.put('a', 'leased', { lease: id })
    await ground.put('a', 'free')
    await ground.store.revoke(id)
    assert.equal(await ground.text('a'), 'free')
    assert.equal((await ground.store.get(ground.key('a')))?.lease, undefined)
  },

  'a key put again under another lease goes with that one': async (ground) => {
    const first = await ground.store.grant(ground.longTtlMs)
    const second = await ground.store.grant(ground.longTtlMs)
    await ground.put('a', 'first', { lease: first.id })
    await ground.put('a', 'second', { lease: second.id })
    await ground.store.revoke(first.id)
    assert.equal(await ground.text('a'), 'second')
    await ground.store.revoke(second.id)
    assert.equal(await ground.text('a'), null)
  },

  'a key that was deleted before is not deleted again with its lease': async (ground) => {
    const { id } = await ground.store.grant(ground.longTtlMs)
    await ground.put('a', 'leased', { lease: id })
    await ground.delete('a')
    await ground.put('a', 'free')
    const from = await ground.rev()
    await ground.store.revoke(id)
    const watch = ground.watch(from)
    await ground.put('end', 'x')
    await watch.untilCount(1)
    assert.deepEqual(watch.lines(ground.prefix.length), ['end=x'])
    watch.close()
  },
}
