/** Conformance of cluster stores: transactions, alone and under contention. */
import assert from 'node:assert/strict'
import type { ClusterStore, Cmp, Op } from '@epicserver/contracts'
import { bytesOf, textOf } from './ground.ts'
import type { ClusterCases, Ground } from './ground.ts'

export const txnCases: ClusterCases = {
  'missing holds for a key that is not there, present for one that is': async (ground) => {
    await ground.put('there', 'one')
    const outcomes = await outcomesOf(ground, [
      { key: ground.key('gone'), is: 'missing' },
      { key: ground.key('there'), is: 'missing' },
      { key: ground.key('gone'), is: 'present' },
      { key: ground.key('there'), is: 'present' },
    ])
    assert.deepEqual(outcomes, [true, false, false, true])
  },

  'at holds while a record is unchanged since that revision': async (ground) => {
    const first = await ground.put('a', 'one')
    const second = await ground.put('a', 'two')
    const outcomes = await outcomesOf(ground, [
      { key: ground.key('a'), is: 'at', rev: first.rev },
      { key: ground.key('a'), is: 'at', rev: second.rev },
      { key: ground.key('a'), is: 'at', rev: second.rev + 1n },
      { key: ground.key('a'), is: 'at', rev: 0n },
    ])
    assert.deepEqual(outcomes, [false, true, false, false])
  },

  'at does not hold for a key that is not there': async (ground) => {
    const { rev } = await ground.put('a', 'one')
    await ground.delete('a')
    const outcomes = await outcomesOf(ground, [
      { key: ground.key('a'), is: 'at', rev },
      { key: ground.key('never'), is: 'at', rev },
      { key: ground.key('never'), is: 'at', rev: 0n },
    ])
    assert.deepEqual(outcomes, [false, false, false])
  },

  'a record that was deleted and put again is another': async (ground) => {
    const { rev } = await ground.put('a', 'same')
    await ground.delete('a')
    await ground.put('a', 'same')
    assert.deepEqual(await outcomesOf(ground, [{ key: ground.key('a'), is: 'at', rev }]), [false])
  },

  'all conditions must hold': async (ground) => {
    const { rev } = await ground.put('a', 'one')
    const holds: Cmp = { key: ground.key('a'), is: 'at', rev }
    const fails: Cmp = { key: ground.key('b'), is: 'present' }
    assert.equal((await ground.put('c', 'both', { if: [holds, fails] })).ok, false)
    assert.equal((await ground.put('c', 'turned', { if: [fails, holds] })).ok, false)
    assert.equal((await ground.put('c', 'one', { if: [holds, holds] })).ok, true)
    assert.equal(await ground.text('c'), 'one')
  },

  'without conditions it is done': async (ground) => {
    assert.equal((await ground.store.txn({ if: [], then: [] })).ok, true)
  },

  'the one list is done or the other, never both': async (ground) => {
    const put = (name: string): Op => ({ op: 'put', key: ground.key(name), value: bytesOf(name) })
    const condition: Cmp = { key: ground.key('then'), is: 'missing' }
    const txn = { if: [condition], then: [put('then')], else: [put('else')] }
    assert.equal((await ground.store.txn(txn)).ok, true)
    assert.deepEqual(await ground.names(), ['then'])
    assert.equal((await ground.store.txn(txn)).ok, false)
    assert.deepEqual(await ground.names(), ['else', 'then'])
  },

  'when it does not hold and there is no other list nothing changes': async (ground) => {
    const before = await ground.rev()
    const result = await ground.put('a', 'one', { if: [{ key: ground.key('a'), is: 'present' }] })
    assert.equal(result.ok, false)
    assert.ok(result.rev >= before)
    assert.deepEqual(await ground.names(), [])
  },

  'after ok: false a reader reads again and succeeds': async (ground) => {
    const stale = await ground.put('a', 'one')
    await ground.put('a', 'two', { by: ground.other })
    const condition: Cmp = { key: ground.key('a'), is: 'at', rev: stale.rev }
    assert.equal((await ground.put('a', 'three', { if: [condition] })).ok, false)
    const fresh = await ground.store.get(ground.key('a'))
    assert.equal(textOf(fresh?.value), 'two')
    const again: Cmp = { key: ground.key('a'), is: 'at', rev: fresh?.rev ?? 0n }
    assert.equal((await ground.put('a', 'three', { if: [again] })).ok, true)
  },

  'all that it changes has one revision': async (ground) => {
    await ground.put('c', 'old')
    const { rev } = await ground.store.txn({
      if: [],
      then: [
        { op: 'put', key: ground.key('a'), value: bytesOf('one') },
        { op: 'delete', key: ground.key('c') },
        { op: 'put', key: ground.key('b'), value: bytesOf('two') },
      ],
    })
    const { recs } = await ground.other.list(ground.prefix)
    assert.deepEqual(
      recs.map((rec) => rec.rev),
      [rev, rev],
    )
    assert.deepEqual(await ground.names(), ['a', 'b'])
  },

  'a get finds what stands before it, and misses what is not there': async (ground) => {
    await ground.put('old', 'old')
    const { reads, rev } = await ground.store.txn({
      if: [],
      then: [
        { op: 'get', key: ground.key('new') },
        { op: 'put', key: ground.key('new'), value: bytesOf('new') },
        { op: 'get', key: ground.key('new') },
        { op: 'get', key: ground.key('old') },
        { op: 'get', key: ground.key('none') },
      ],
    })
    const found = (reads ?? []).map((rec) => [
      rec.key.slice(ground.prefix.length),
      textOf(rec.value),
    ])
    assert.deepEqual(found, [
      ['new', 'new'],
      ['old', 'old'],
    ])
    assert.equal(reads?.[0]?.rev, rev)
  },

  'the other list can read what stood in the way': async (ground) => {
    const { rev } = await ground.put('a', 'theirs')
    const key = ground.key('a')
    const result = await ground.store.txn({
      if: [{ key, is: 'missing' }],
      then: [{ op: 'put', key, value: bytesOf('mine') }],
      else: [{ op: 'get', key }],
    })
    assert.equal(result.ok, false)
    assert.equal(textOf(result.reads?.[0]?.value), 'theirs')
    assert.equal(result.reads?.[0]?.rev, rev)
  },

  'reading, and deleting what is not there, make no revision': async (ground) => {
    const { rev } = await ground.put('a', 'one')
    await ground.store.txn({ if: [], then: [{ op: 'get', key: ground.key('a') }] })
    await ground.store.txn({ if: [], then: [{ op: 'delete', key: ground.key('none') }] })
    const rec = await ground.store.get(ground.key('a'))
    assert.equal(rec?.rev, rev)
    const watch = ground.watch(rev)
    await ground.put('b', 'two')
    await watch.untilCount(1)
    assert.deepEqual(watch.lines(ground.prefix.length), ['b=two'])
    watch.close()
  },

  'of fifty who create one key exactly one succeeds': async (ground) => {
    const condition: Cmp = { key: ground.key('only'), is: 'missing' }
    const rivals = Array.from({ length: 50 }, (_, i) =>
      ground.put('only', `rival ${i}`, {
        if: [condition],
        by: i % 2 === 0 ? ground.store : ground.other,
      }),
    )
    const winners = (await Promise.all(rivals)).flatMap((result, i) =>
      result.ok ? [`rival ${i}`] : [],
    )
    assert.equal(winners.length, 1)
    assert.equal(await ground.text('only'), winners[0])
  },

  'counters raised by compare-and-set lose no update': async (ground) => {
    const clients = [
      ground.store,
      ground.other,
      await ground.harness.connect(),
      await ground.harness.connect(),
    ]
    await ground.put('counter', '0')
    await Promise.all(
      clients.flatMap((client) => [raise(ground, client, 15), raise(ground, client, 15)]),
    )
    assert.equal(await ground.text('counter'), '120')
    for (const client of clients.slice(2)) await client.close()
  },

  'a list never shows half of a transaction': async (ground) => {
    await putPair(ground, 0)
    let isWriting = true
    const writing = (async () => {
      for (let i = 1; i <= 60; i += 1) await putPair(ground, i)
      isWriting = false
    })()
    while (isWriting) {
      const { recs } = await ground.other.list(ground.key('pair/'))
      assert.equal(textOf(recs[0]?.value), textOf(recs[1]?.value))
      assert.equal(recs[0]?.rev, recs[1]?.rev)
    }
    await writing
  },

  'a client reads what another was told is done': async (ground) => {
    for (let i = 0; i < 40; i += 1) {
      await ground.put('fresh', `${i}`, { by: i % 2 === 0 ? ground.store : ground.other })
      const reader = i % 2 === 0 ? ground.other : ground.store
      assert.equal(textOf((await reader.get(ground.key('fresh')))?.value), `${i}`)
    }
  },
}

/** Whether a transaction under each of these conditions, alone, would be done. */
async function outcomesOf(ground: Ground, conditions: readonly Cmp[]): Promise<boolean[]> {
  const outcomes: boolean[] = []
  for (const condition of conditions) {
    outcomes.push((await ground.store.txn({ if: [condition], then: [] })).ok)
  }
  return outcomes
}

async function raise(ground: Ground, client: ClusterStore, times: number): Promise<void> {
  for (let done = 0; done < times;) {
    const rec = await client.get(ground.key('counter'))
    const condition: Cmp = { key: ground.key('counter'), is: 'at', rev: rec?.rev ?? 0n }
    const next = String(Number(textOf(rec?.value)) + 1)
    if ((await ground.put('counter', next, { if: [condition], by: client })).ok) done += 1
  }
}

async function putPair(ground: Ground, round: number): Promise<void> {
  const value = bytesOf(String(round))
  await ground.store.txn({
    if: [],
    then: [
      { op: 'put', key: ground.key('pair/left'), value },
      { op: 'put', key: ground.key('pair/right'), value },
    ],
  })
}
