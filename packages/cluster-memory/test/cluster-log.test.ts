import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isEpicError } from '@epicserver/contracts'
import type { Op, Rec, WatchEvent } from '@epicserver/contracts'
import { ClusterLog, emptySnapshot } from '@epicserver/cluster-memory'
import type { ClusterDelta, ClusterSnapshot } from '@epicserver/cluster-memory'

const value = new Uint8Array([1])
const put = (key: string, lease?: string): Op =>
  lease === undefined ? { op: 'put', key, value } : { op: 'put', key, value, lease }
const done = (log: ClusterLog, ...then: Op[]): void => void log.txn({ if: [], then })

describe('cluster log: what must become durable', () => {
  it('is nothing when nothing changed', () => {
    const log = new ClusterLog(emptySnapshot('s'), 0)
    done(log, { op: 'get', key: 'a' }, { op: 'delete', key: 'a' })
    log.revoke('none')
    assert.equal(log.pollDelta(), null)
  })

  it('is the latest state of each key and lease, once', () => {
    const log = new ClusterLog(emptySnapshot('s'), 0)
    const { id } = log.grant(100, 0)
    done(log, put('a'), put('gone'))
    done(log, put('a', id))
    done(log, { op: 'delete', key: 'gone' })
    const expected: ClusterDelta = {
      rev: 3n,
      leaseCount: 1,
      puts: [{ key: 'a', value, rev: 2n, lease: id }],
      deletes: ['gone'],
      grants: [{ id, ttlMs: 100 }],
      ends: [],
    }
    assert.deepEqual(log.pollDelta(), expected)
    assert.equal(log.pollDelta(), null)
  })

  it('tells the end of a lease with the end of its keys', () => {
    const log = new ClusterLog(emptySnapshot('s'), 0)
    const { id } = log.grant(100, 0)
    done(log, put('a', id))
    log.pollDelta()
    log.handleTick(100)
    const delta = log.pollDelta()
    assert.deepEqual([delta?.deletes, delta?.ends, delta?.grants], [['a'], [id], []])
  })

  it('tells the end of a lease that had no keys, which is no revision', () => {
    const log = new ClusterLog(emptySnapshot('s'), 0)
    const { id } = log.grant(100, 0)
    log.pollDelta()
    log.handleTick(100)
    assert.deepEqual([log.rev, log.pollDelta()?.ends], [0n, [id]])
  })
})

describe('cluster log: a lease', () => {
  it('is there from its grant to its end', () => {
    const log = new ClusterLog(emptySnapshot('s'), 0)
    const { id } = log.grant(100, 0)
    log.handleTick(99)
    assert.equal(log.hasLease(id), true)
    log.handleTick(100)
    assert.deepEqual([log.hasLease(id), log.hasLease('never')], [false, false])
  })
})

describe('cluster log: made again from a snapshot', () => {
  it('gives every lease its whole time, from then', () => {
    const log = new ClusterLog(emptySnapshot('s'), 0)
    const { id } = log.grant(100, 0)
    const again = new ClusterLog(log.snapshot(), 5_000)
    again.handleTick(5_099)
    assert.equal(again.keepAlive(id, 5_099).ttlMs, 100)
    again.handleTick(5_199)
    assert.throws(() => again.keepAlive(id, 5_199), { code: 'LeaseLost' })
  })

  it('gives no lease id again', () => {
    const log = new ClusterLog(emptySnapshot('s'), 0)
    log.revoke(log.grant(100, 0).id)
    const again = new ClusterLog(log.snapshot(), 0)
    assert.equal(again.grant(100, 0).id, '2-s')
  })

  it('still takes the keys along with their lease', () => {
    const log = new ClusterLog(emptySnapshot('s'), 0)
    const { id } = log.grant(100, 0)
    done(log, put('a', id), put('b'))
    const again = new ClusterLog(log.snapshot(), 0)
    again.revoke(id)
    assert.deepEqual(
      again.list('').recs.map((rec) => rec.key),
      ['b'],
    )
  })

  it('resets who asks for what was before', () => {
    const log = new ClusterLog(emptySnapshot('s'), 0)
    done(log, put('a'))
    const again = new ClusterLog(log.snapshot(), 0)
    assert.equal(again.changes({ from: 0n, to: 1n, prefix: '' }), 'reset')
  })
})

type Step =
  | { readonly do: 'put' | 'delete'; readonly key: string; readonly lease: number }
  | { readonly do: 'grant' | 'revoke' | 'keepAlive' | 'tick'; readonly lease: number }

const steps = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constantFrom('put' as const, 'delete' as const),
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      lease: fc.integer({ min: -3, max: 5 }),
    }),
    fc.record({
      do: fc.constantFrom(
        'grant' as const,
        'revoke' as const,
        'keepAlive' as const,
        'tick' as const,
      ),
      lease: fc.integer({ min: 0, max: 5 }),
    }),
  ),
  { maxLength: 40 },
)

/** Does a step, as a client and a clock would, and takes a refusal for an answer. */
function perform(log: ClusterLog, step: Step, world: { now: number; ids: string[] }): void {
  const id = world.ids[step.lease]
  try {
    if (step.do === 'put') done(log, put(step.key, id))
    if (step.do === 'delete') done(log, { op: 'delete', key: step.key })
    if (step.do === 'grant') world.ids.push(log.grant(100, world.now).id)
    if (step.do === 'revoke') log.revoke(id ?? 'none')
    if (step.do === 'keepAlive') log.keepAlive(id ?? 'none', world.now)
    if (step.do === 'tick') log.handleTick((world.now += 40))
  } catch (error) {
    assert.ok(isEpicError(error) && error.code === 'LeaseLost')
  }
}

function applyDelta(saved: ClusterSnapshot, delta: ClusterDelta): ClusterSnapshot {
  const recs = new Map(saved.recs.map((rec) => [rec.key, rec]))
  const leases = new Map(saved.leases.map((lease) => [lease.id, lease]))
  for (const rec of delta.puts) recs.set(rec.key, rec)
  for (const key of delta.deletes) recs.delete(key)
  for (const lease of delta.grants) leases.set(lease.id, lease)
  for (const id of delta.ends) leases.delete(id)
  return {
    storeId: saved.storeId,
    rev: delta.rev,
    leaseCount: delta.leaseCount,
    recs: [...recs.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    leases: [...leases.values()],
  }
}

function applyEvent(recs: Map<string, Rec>, event: WatchEvent): void {
  if (event.kind === 'put') recs.set(event.rec.key, event.rec)
  else assert.ok(recs.delete(event.key), `"${event.key}" was deleted without being there`)
}

describe('cluster log: properties', () => {
  it('deltas, applied to what was saved, give what is there', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 7 }), (sequence, every) => {
        const log = new ClusterLog(emptySnapshot('s'), 0)
        const world = { now: 0, ids: [] }
        let saved = emptySnapshot('s')
        sequence.forEach((step, i) => {
          perform(log, step, world)
          if (i % every === 0)
            saved = applyDelta(
              saved,
              log.pollDelta() ?? { ...saved, puts: [], deletes: [], grants: [], ends: [] },
            )
        })
        const rest = log.pollDelta()
        assert.deepEqual(rest === null ? saved : applyDelta(saved, rest), log.snapshot())
      }),
      { numRuns: 2_000 },
    )
  })

  it('the history, replayed, gives what is there', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const log = new ClusterLog(emptySnapshot('s'), 0)
        const world = { now: 0, ids: [] }
        for (const step of sequence) perform(log, step, world)
        const events = log.changes({ from: 0n, to: log.rev, prefix: '' })
        assert.ok(events !== 'reset')
        const recs = new Map<string, Rec>()
        for (const event of events) applyEvent(recs, event)
        assert.deepEqual(
          [...recs.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1)),
          log.list('').recs,
        )
      }),
      { numRuns: 2_000 },
    )
  })

  it('no key outlives its lease', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const log = new ClusterLog(emptySnapshot('s'), 0)
        const world = { now: 0, ids: [] }
        for (const step of sequence) {
          perform(log, step, world)
          const { recs, leases } = log.snapshot()
          const alive = new Set(leases.map((lease) => lease.id))
          assert.ok(recs.every((rec) => rec.lease === undefined || alive.has(rec.lease)))
        }
      }),
      { numRuns: 1_000 },
    )
  })
})
