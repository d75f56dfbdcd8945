/** Conformance of cluster stores: lost connections, lost answers, restarts, and the end. They run last, one by one. */
import assert from 'node:assert/strict'
import { codeOf } from './ground.ts'
import type { ClusterCases } from './ground.ts'

export const outageCases: ClusterCases = {
  'an engine that cannot be reached is Unavailable, and nothing is done': async (ground) => {
    const faulty = await ground.connectFaulty()
    await faulty.cut()
    // By the end of a read the client knows that nobody is there; before, a change would rightly be Unknown.
    assert.equal(await codeOf(faulty.store.get(ground.key('a'))), 'Unavailable')
    assert.equal(await codeOf(ground.put('a', 'lost', { by: faulty.store })), 'Unavailable')
    assert.equal(await codeOf(faulty.store.grant(ground.longTtlMs)), 'Unavailable')
    assert.deepEqual(await ground.names(), [])
    await faulty.heal()
    assert.equal((await ground.put('a', 'done', { by: faulty.store })).ok, true)
    await faulty.store.close()
  },

  'a lost answer is Unknown, and reading tells that it was done': async (ground) => {
    const faulty = await ground.connectFaulty()
    await ground.put('before', 'x', { by: faulty.store })
    const watch = ground.watch(await ground.rev())
    await faulty.loseReplies()
    assert.equal(await codeOf(ground.put('a', 'done', { by: faulty.store })), 'Unknown')
    await watch.untilCount(1)
    await faulty.heal()
    assert.equal(
      (await faulty.store.get(ground.key('a')))?.rev,
      (await ground.store.get(ground.key('a')))?.rev,
    )
    assert.equal(await ground.text('a'), 'done')
    watch.close()
    await faulty.store.close()
  },

  'a lost answer to a read is never Unknown': async (ground) => {
    const faulty = await ground.connectFaulty()
    await faulty.store.get(ground.key('a'))
    await faulty.loseReplies()
    assert.equal(await codeOf(faulty.store.get(ground.key('a'))), 'Unavailable')
    assert.equal(await codeOf(faulty.store.list(ground.prefix)), 'Unavailable')
    await faulty.heal()
    await faulty.store.close()
  },

  'a renewal whose answer is lost does not end the lease': async (ground) => {
    const faulty = await ground.connectFaulty()
    const { id } = await faulty.store.grant(ground.longTtlMs)
    await faulty.loseReplies()
    assert.notEqual(await codeOf(faulty.store.keepAlive(id)), 'LeaseLost')
    await faulty.heal()
    assert.ok((await faulty.store.keepAlive(id)).ttlMs >= ground.longTtlMs)
    await ground.store.revoke(id)
    await faulty.store.close()
  },

  'a watch whose connection was cut misses nothing': async (ground) => {
    const faulty = await ground.connectFaulty()
    const watch = ground.watch(await ground.rev(), { by: faulty.store })
    await ground.put('a', 'before')
    await watch.untilCount(1)
    await faulty.cut()
    await ground.put('a', 'meanwhile')
    await ground.put('a', 'again')
    await faulty.heal()
    await ground.put('a', 'after')
    await watch.untilCount(4)
    assert.deepEqual(watch.lines(ground.prefix.length), [
      'a=before',
      'a=meanwhile',
      'a=again',
      'a=after',
    ])
    watch.close()
    await faulty.store.close()
  },

  'a cut watch whose past is gone meanwhile says reset': async (ground) => {
    const faulty = await ground.connectFaulty()
    const watch = ground.watch(await ground.rev(), { by: faulty.store })
    await ground.put('a', 'before')
    await watch.untilCount(1)
    await faulty.cut()
    await ground.put('a', 'meanwhile')
    await ground.put('a', 'again')
    await ground.dropHistory()
    await faulty.heal()
    await watch.untilReset()
    assert.deepEqual(watch.lines(ground.prefix.length), ['a=before'])
    await faulty.store.close()
  },

  'over a restart of the engine nothing acknowledged is lost': async (ground) => {
    const { rev } = await ground.put('a', 'one')
    const { id } = await ground.store.grant(ground.longTtlMs)
    await ground.put('leased', 'two', { lease: id })
    await ground.restart()
    assert.deepEqual(await ground.names(), ['a', 'leased'])
    assert.equal((await ground.store.get(ground.key('a')))?.rev, rev)
    assert.equal((await ground.store.get(ground.key('leased')))?.lease, id)
    assert.ok((await ground.put('b', 'three')).rev > rev)
    await ground.store.revoke(id)
    assert.deepEqual(await ground.names(), ['a', 'b'])
  },

  'over a restart a lease goes on, and does not expire early': async (ground) => {
    const { id, ttlMs } = await ground.store.grant(ground.shortTtlMs)
    const { rev } = await ground.put('a', 'leased', { lease: id })
    const renewedAt = ground.harness.now()
    await ground.store.keepAlive(id)
    await ground.restart()
    const watch = ground.watch(rev)
    await ground.harness.advance?.(ttlMs - 1)
    if (ground.harness.advance !== undefined) assert.equal(await ground.text('a'), 'leased')
    await ground.harness.advance?.(1)
    await watch.until(() => watch.isReset || watch.events.length > 0)
    assert.ok(ground.harness.now() - renewedAt >= ttlMs)
    watch.close()
  },

  'over a restart a lost lease stays lost, and no id is given again': async (ground) => {
    const expired = await ground.expiredLease()
    const revoked = await ground.store.grant(ground.longTtlMs)
    await ground.store.revoke(revoked.id)
    await ground.restart()
    for (const id of [expired, revoked.id])
      assert.equal(await codeOf(ground.store.keepAlive(id)), 'LeaseLost')
    const grants = await Promise.all(
      Array.from({ length: 20 }, () => ground.store.grant(ground.longTtlMs)),
    )
    const ids = new Set([expired, revoked.id, ...grants.map((lease) => lease.id)])
    assert.equal(ids.size, 22)
    await Promise.all(grants.map((lease) => ground.store.revoke(lease.id)))
  },

  'a watch goes on over a restart, or says reset; it never has a gap': async (ground) => {
    const watch = ground.watch(await ground.rev())
    await ground.put('a', 'before')
    await watch.untilCount(1)
    await ground.restart()
    await ground.put('a', 'after')
    await watch.until(() => watch.isReset || watch.events.length > 1)
    const lines = watch.lines(ground.prefix.length)
    assert.deepEqual(lines, watch.isReset ? ['a=before'] : ['a=before', 'a=after'])
    watch.close()
  },

  'a closed client is Unavailable, its watches are silent, and its leases go on': async (
    ground,
  ) => {
    const client = await ground.harness.connect()
    const { id } = await client.grant(ground.longTtlMs)
    await ground.put('a', 'leased', { lease: id, by: client })
    const silent = ground.watch(await ground.rev(), { by: client })
    await client.close()
    const heard = ground.watch(await ground.rev())
    await ground.put('b', 'x')
    await heard.untilCount(1)
    assert.deepEqual(silent.batches, [])
    assert.equal(await codeOf(client.get(ground.key('a'))), 'Unavailable')
    assert.equal(await codeOf(ground.put('c', 'x', { by: client })), 'Unavailable')
    assert.equal(await codeOf(client.keepAlive(id)), 'Unavailable')
    assert.equal(await ground.text('a'), 'leased')
    heard.close()
    await ground.store.revoke(id)
  },

  'closing a client settles what it was asked, and closing twice is no error': async (ground) => {
    const client = await ground.harness.connect()
    const asked = Array.from({ length: 20 }, (_, i) => ground.put(`k${i}`, 'x', { by: client }))
    const outcomes = asked.map(async (put) => codeOf(put))
    await client.close()
    await client.close()
    for (const outcome of await Promise.all(outcomes)) {
      assert.match(String(outcome), /^(nothing was refused|Unknown|Unavailable)$/)
    }
  },
}
