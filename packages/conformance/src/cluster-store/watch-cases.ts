/** Conformance of cluster stores: watches. */
import assert from 'node:assert/strict'
import type { ClusterStore, Rev, WatchEvent } from '@epicserver/contracts'
import { bytesOf, textOf } from './ground.ts'
import type { ClusterCases, Ground } from './ground.ts'
import { revOf } from './watch-record.ts'

export const watchCases: ClusterCases = {
  'a watch reports what comes after, and not what was before': async (ground) => {
    const { rev } = await ground.put('a', 'before')
    const watch = ground.watch(rev)
    await ground.put('b', 'after')
    await watch.untilCount(1)
    assert.deepEqual(watch.lines(ground.prefix.length), ['b=after'])
    watch.close()
  },

  'a put is reported with its record, a deletion with its revision': async (ground) => {
    const { id } = await ground.store.grant(ground.longTtlMs)
    const watch = ground.watch(await ground.rev())
    const put = await ground.put('a', 'one', { lease: id })
    const gone = await ground.delete('a')
    await watch.untilCount(2)
    const [first, second] = watch.events
    assert.ok(first?.kind === 'put' && second?.kind === 'delete')
    assert.deepEqual([first.rec.key, textOf(first.rec.value)], [ground.key('a'), 'one'])
    assert.deepEqual([first.rec.rev, first.rec.lease], [put.rev, id])
    assert.deepEqual([second.key, second.rev], [ground.key('a'), gone.rev])
    watch.close()
    await ground.store.revoke(id)
  },

  'a watch from the past replays it without a gap': async (ground) => {
    const from = await ground.rev()
    for (let i = 0; i < 50; i += 1) await ground.put(`k${i % 3}`, `${i}`)
    await ground.delete('k1')
    const watch = ground.watch(from, { by: ground.other })
    await ground.put('k0', 'last')
    await watch.untilCount(52)
    const expected = Array.from({ length: 50 }, (_, i) => `k${i % 3}=${i}`)
    assert.deepEqual(watch.lines(ground.prefix.length), [...expected, '-k1', 'k0=last'])
    watch.close()
  },

  'only keys that start with the prefix are reported': async (ground) => {
    const watch = ground.watch(await ground.rev(), { below: 'm/' })
    for (const name of ['m', 'm/a', 'm0', 'l', '%', 'm/b']) await ground.put(name, name)
    await watch.untilCount(2)
    assert.deepEqual(watch.lines(ground.prefix.length), ['m/a=m/a', 'm/b=m/b'])
    watch.close()
  },

  'signs that mean something to engines are literal in what is watched': async (ground) => {
    const watch = ground.watch(await ground.rev(), { below: '\u{10ffff}%_' })
    for (const name of ['x%_', '\u{10ffff}', '\u{10ffff}%_a']) await ground.put(name, 'x')
    await watch.untilCount(1)
    assert.deepEqual(watch.lines(ground.prefix.length), ['\u{10ffff}%_a=x'])
    watch.close()
  },

  'one change is never split over two reports': async (ground) => {
    const watch = ground.watch(await ground.rev())
    for (let round = 0; round < 10; round += 1) await putTogether(ground, ground.store, round)
    await watch.untilCount(50)
    for (const batch of watch.batches) assert.equal(batch.length % 5, 0)
    watch.close()
  },

  'putting the same value again is a change': async (ground) => {
    const watch = ground.watch(await ground.rev())
    for (let i = 0; i < 3; i += 1) await ground.put('a', 'same')
    await watch.untilCount(3)
    assert.deepEqual(watch.lines(ground.prefix.length), ['a=same', 'a=same', 'a=same'])
    watch.close()
  },

  'a transaction that is not done is not reported': async (ground) => {
    const watch = ground.watch(await ground.rev())
    await ground.put('a', 'never', { if: [{ key: ground.key('a'), is: 'present' }] })
    await ground.put('b', 'done')
    await watch.untilCount(1)
    assert.deepEqual(watch.lines(ground.prefix.length), ['b=done'])
    watch.close()
  },

  'rivals’ writes are reported in the order of revisions, each once': async (ground) => {
    const watch = ground.watch(await ground.rev())
    const writers: ClusterStore[] = [ground.store, ground.other]
    await Promise.all(
      Array.from({ length: 8 }, (_, w) => putInTurn(ground, writers[w % 2] ?? ground.store, w)),
    )
    await watch.untilCount(200)
    assertAscending(watch.events)
    assert.equal(new Set(watch.lines()).size, 200)
    watch.close()
  },

  'a list and the watch from there rebuild the state while others write': async (ground) => {
    const writing = Promise.all([
      putInTurn(ground, ground.store, 0),
      putInTurn(ground, ground.other, 1),
    ])
    const { recs, rev } = await ground.other.list(ground.prefix)
    const state = new Map(recs.map((rec) => [rec.key, textOf(rec.value)]))
    const watch = ground.watch(rev, { by: ground.other })
    await writing
    await ground.put('end', 'x')
    await watch.until(() => watch.lines().includes(`${ground.key('end')}=x`))
    for (const event of watch.events) applyTo(state, event)
    const end = await ground.store.list(ground.prefix)
    assert.deepEqual(state, new Map(end.recs.map((rec) => [rec.key, textOf(rec.value)])))
    watch.close()
  },

  'fifty watches all see all': async (ground) => {
    const from = await ground.rev()
    const watches = Array.from({ length: 50 }, (_, i) =>
      ground.watch(from, { by: i % 2 === 0 ? ground.store : ground.other }),
    )
    for (let i = 0; i < 20; i += 1) await ground.put('a', `${i}`)
    const expected = Array.from({ length: 20 }, (_, i) => `a=${i}`)
    for (const watch of watches) {
      await watch.untilCount(20)
      assert.deepEqual(watch.lines(ground.prefix.length), expected)
      watch.close()
    }
  },

  'watches of wider and narrower prefixes do not disturb each other': async (ground) => {
    const from = await ground.rev()
    const wide = ground.watch(from)
    const narrow = ground.watch(from, { below: 'a/' })
    await ground.put('a/1', 'x')
    await ground.put('b/1', 'x')
    await wide.untilCount(2)
    await narrow.untilCount(1)
    narrow.close()
    await ground.put('a/2', 'x')
    await wide.untilCount(3)
    assert.deepEqual(narrow.lines(ground.prefix.length), ['a/1=x'])
    wide.close()
  },

  'a watch says nothing before watch() returned': async (ground) => {
    const from = await ground.rev()
    await ground.put('a', 'one')
    let hasReturned = false
    const told = new Promise<boolean>((resolve) => {
      const watch = ground.store.watch(ground.prefix, from, () => {
        resolve(hasReturned)
        watch.close()
      })
      hasReturned = true
    })
    assert.equal(await told, true)
  },

  'a closed watch says nothing, even of what happened before': async (ground) => {
    const from = await ground.rev()
    await ground.put('a', 'one')
    const closed = ground.watch(from)
    closed.close()
    const open = ground.watch(from)
    await ground.put('b', 'two')
    await open.untilCount(2)
    assert.deepEqual(closed.batches, [])
    open.close()
  },

  'a watch closed by its own handler says nothing more': async (ground) => {
    const from = await ground.rev()
    for (let i = 0; i < 5; i += 1) await ground.put('a', `${i}`)
    let calls = 0
    await new Promise<void>((resolve) => {
      const watch = ground.store.watch(ground.prefix, from, () => {
        calls += 1
        watch.close()
        resolve()
      })
    })
    const after = ground.watch(from)
    await ground.put('end', 'x')
    await after.untilCount(6)
    assert.equal(calls, 1)
    after.close()
  },

  'closing a watch twice is no error': async (ground) => {
    const watch = ground.watch(await ground.rev())
    watch.close()
    watch.close()
  },

  'a handler may read and write': async (ground) => {
    const from = await ground.rev()
    const echoed = ground.watch(from, { below: 'echo' })
    const watch = ground.store.watch(
      ground.key('call'),
      from,
      () => void ground.put('echo', 'heard'),
    )
    await ground.put('call', 'x')
    await echoed.untilCount(1)
    assert.deepEqual(echoed.lines(ground.prefix.length), ['echo=heard'])
    watch.close()
    echoed.close()
  },

  'when the past is gone it says reset, and a list with a new watch goes on': async (ground) => {
    const from = await ground.rev()
    await ground.put('a', 'one')
    await ground.put('a', 'two')
    await ground.dropHistory()
    const watch = ground.watch(from)
    await watch.untilReset()
    assert.deepEqual(watch.batches, [])
    const { recs, rev } = await ground.store.list(ground.prefix)
    assert.equal(textOf(recs[0]?.value), 'two')
    const next = ground.watch(rev)
    await ground.put('a', 'three')
    await next.untilCount(1)
    assert.deepEqual(next.lines(ground.prefix.length), ['a=three'])
    next.close()
  },
}

async function putTogether(ground: Ground, client: ClusterStore, round: number): Promise<void> {
  const value = bytesOf(String(round))
  const then = Array.from({ length: 5 }, (_, i) => ({
    op: 'put' as const,
    key: ground.key(`t${i}`),
    value,
  }))
  await client.txn({ if: [], then })
}

async function putInTurn(ground: Ground, client: ClusterStore, writer: number): Promise<void> {
  for (let i = 0; i < 25; i += 1) await ground.put(`w${writer}`, `${i}`, { by: client })
}

function assertAscending(events: readonly WatchEvent[]): void {
  let last: Rev = -1n
  for (const event of events) {
    assert.ok(revOf(event) > last)
    last = revOf(event)
  }
}

function applyTo(state: Map<string, string | null>, event: WatchEvent): void {
  if (event.kind === 'delete') state.delete(event.key)
  else state.set(event.rec.key, textOf(event.rec.value))
}
