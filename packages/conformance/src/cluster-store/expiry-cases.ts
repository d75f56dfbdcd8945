/** Conformance of cluster stores: leases that expire. Never early, and then for ever. */
import assert from 'node:assert/strict'
import { codeOf } from './ground.ts'
import type { ClusterCases } from './ground.ts'
import { revOf } from './watch-record.ts'

export const expiryCases: ClusterCases = {
  'the keys of an expired lease go, in one revision': async (ground) => {
    const { id, ttlMs } = await ground.store.grant(ground.shortTtlMs)
    const { rev } = await ground.put('free', 'stays')
    for (const name of ['a', 'b', 'c']) await ground.put(name, 'leased', { lease: id })
    const watch = ground.watch(rev)
    await ground.harness.advance?.(ttlMs)
    await watch.untilCount(6)
    const gone = watch.events.slice(3)
    assert.deepEqual(watch.lines(ground.prefix.length).slice(3).toSorted(), ['-a', '-b', '-c'])
    assert.equal(new Set(gone.map(revOf)).size, 1)
    assert.deepEqual(await ground.names(), ['free'])
    watch.close()
  },

  'a lease never expires early': async (ground) => {
    const grantedAt = ground.harness.now()
    const { id, ttlMs } = await ground.store.grant(ground.shortTtlMs)
    const { rev } = await ground.put('a', 'leased', { lease: id })
    const watch = ground.watch(rev)
    await ground.harness.advance?.(ttlMs - 1)
    if (ground.harness.advance !== undefined) assert.equal(await ground.text('a'), 'leased')
    await ground.harness.advance?.(1)
    await watch.untilCount(1)
    assert.ok(ground.harness.now() - grantedAt >= ttlMs)
    watch.close()
  },

  'a renewed lease lasts its whole time from the renewal': async (ground) => {
    const { id, ttlMs } = await ground.store.grant(ground.shortTtlMs)
    const { rev } = await ground.put('a', 'leased', { lease: id })
    const watch = ground.watch(rev)
    let renewedAt = ground.harness.now()
    for (let i = 0; i < 5; i += 1) {
      await ground.harness.advance?.(ttlMs - 1)
      renewedAt = ground.harness.now()
      await ground.other.keepAlive(id)
    }
    assert.equal(await ground.text('a'), 'leased')
    await ground.harness.advance?.(ttlMs)
    await watch.untilCount(1)
    assert.ok(ground.harness.now() - renewedAt >= ttlMs)
    watch.close()
  },

  'a put does not renew a lease, nor does a read': async (ground) => {
    const { id, ttlMs } = await ground.store.grant(ground.shortTtlMs)
    await ground.put('a', 'leased', { lease: id })
    await ground.harness.advance?.(ttlMs - 1)
    const { rev } = await ground.put('b', 'leased', { lease: id })
    await ground.store.get(ground.key('a'))
    const watch = ground.watch(rev)
    await ground.harness.advance?.(1)
    await watch.untilCount(2)
    assert.equal(await codeOf(ground.store.keepAlive(id)), 'LeaseLost')
    watch.close()
  },

  'an expired lease is lost for ever, whoever renews it however often': async (ground) => {
    const id = await ground.expiredLease()
    const late = Array.from({ length: 20 }, (_, i) =>
      codeOf((i % 2 === 0 ? ground.store : ground.other).keepAlive(id)),
    )
    assert.deepEqual(new Set(await Promise.all(late)), new Set(['LeaseLost']))
    assert.equal(await codeOf(ground.put('late', 'x', { lease: id })), 'LeaseLost')
    assert.deepEqual(await ground.names(), [])
  },

  'a grant after an expiry revives nothing': async (ground) => {
    const id = await ground.expiredLease()
    const next = await ground.store.grant(ground.longTtlMs)
    assert.notEqual(next.id, id)
    assert.equal(await codeOf(ground.store.keepAlive(id)), 'LeaseLost')
    assert.deepEqual(await ground.names(), [])
    await ground.store.revoke(next.id)
  },

  'revoking an expired lease is no error': async (ground) => {
    await ground.store.revoke(await ground.expiredLease())
  },

  'a lease without keys expires too': async (ground) => {
    const bare = await ground.store.grant(ground.shortTtlMs)
    // Granted later, for no shorter: when this one is gone, the one before is.
    await ground.expiredLease()
    if (ground.harness.advance === undefined) await ground.expiredLease()
    assert.equal(await codeOf(ground.store.keepAlive(bare.id)), 'LeaseLost')
  },

  'one lease expires while another, renewed, goes on': async (ground) => {
    const lives = await ground.store.grant(ground.longTtlMs)
    await ground.put('lives', 'x', { lease: lives.id })
    await ground.expiredLease()
    assert.deepEqual(await ground.names(), ['lives'])
    assert.equal((await ground.store.keepAlive(lives.id)).ttlMs, lives.ttlMs)
    await ground.store.revoke(lives.id)
  },
}
