import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Cmp, Rec } from '@epicserver/contracts'
import { recordKeys } from '@epicserver/fabric'
import { Outbox } from '#src/effects.ts'
import { KeptRecord } from '#src/kept-record.ts'
import { Mirror } from '#src/mirror.ts'

const keys = recordKeys('c/')
const KEY = 'c/mine'
const wanted = Uint8Array.of(1)

class Bench {
  readonly outbox = new Outbox()
  readonly mirror: Mirror = new Mirror(this.outbox, { keys, retryMs: 100, relistMs: 5_000 })
  readonly record: KeptRecord

  constructor(when: 'mine' | 'free', recs: Rec[] = []) {
    this.record = new KeptRecord(this.outbox, this.mirror, { key: KEY, retryMs: 100, when })
    this.mirror.start(0)
    this.mirror.handleReply({ kind: 'listed', token: 1, recs, rev: 7n }, 0)
    this.written()
  }

  /** The conditions of the transactions that were sent since the last time, with their tokens. */
  written(): { token: number; if: readonly Cmp[] }[] {
    const txns: { token: number; if: readonly Cmp[] }[] = []
    for (let e = this.outbox.shift(); e !== undefined; e = this.outbox.shift()) {
      if (e.kind === 'txn') txns.push({ token: e.token, if: e.txn.if })
    }
    return txns
  }

  keep(now: number): { token: number; if: readonly Cmp[] }[] {
    this.record.keep(wanted, 'n1', now)
    return this.written()
  }

  shown(rev: bigint, value: Uint8Array): void {
    this.mirror.handleWatch(
      { token: 2, events: [{ kind: 'put', rec: { key: KEY, rev, value } }] },
      0,
    )
  }
}

describe('kept record: settled', () => {
  it('writes what is missing, under the condition that it is', () => {
    assert.deepEqual(new Bench('mine').keep(1), [{ token: 3, if: [{ key: KEY, is: 'missing' }] }])
  })

  it('brings its own record up to date at the revision that it saw', () => {
    const bench = new Bench('mine', [{ key: KEY, rev: 5n, value: Uint8Array.of(0) }])
    assert.deepEqual(bench.keep(1), [{ token: 3, if: [{ key: KEY, is: 'at', rev: 5n }] }])
  })

  it('writes nothing where the record is as wanted', () => {
    assert.deepEqual(new Bench('mine', [{ key: KEY, rev: 5n, value: wanted }]).keep(1), [])
  })

  it('leaves a seat that is taken', () => {
    assert.deepEqual(
      new Bench('free', [{ key: KEY, rev: 5n, value: Uint8Array.of(0) }]).keep(1),
      [],
    )
  })
})

describe('kept record: writing', () => {
  it('sends one write at a time', () => {
    const bench = new Bench('mine')
    assert.equal(bench.keep(1).length, 1)
    assert.equal(bench.keep(2).length, 0)
  })

  it('waits after a commit until the mirror shows it', () => {
    const bench = new Bench('mine')
    bench.keep(1)
    bench.record.handleReply({ kind: 'committed', token: 3, ok: true, rev: 8n }, 2)
    assert.deepEqual(bench.keep(3), [])
    bench.shown(8n, wanted)
    assert.deepEqual(bench.keep(4), [])
  })

  for (const reply of [
    { kind: 'committed', token: 3, ok: false, rev: 8n },
    { kind: 'failed', token: 3, code: 'Unknown' },
  ] as const) {
    it(`lists before it writes again when the answer is ${reply.kind === 'failed' ? reply.code : 'no'}`, () => {
      const bench = new Bench('mine')
      bench.keep(1)
      bench.record.handleReply(reply, 2)
      assert.deepEqual(bench.keep(3), [])
      const recs = [{ key: KEY, rev: 8n, value: wanted }]
      bench.mirror.handleReply({ kind: 'listed', token: 4, recs, rev: 8n }, 4)
      assert.deepEqual(bench.keep(5), [])
    })
  }

  it('pauses when nothing was done', () => {
    const bench = new Bench('mine')
    bench.keep(1)
    bench.record.handleReply({ kind: 'failed', token: 3, code: 'Unavailable' }, 2)
    assert.deepEqual(bench.keep(101), [])
    assert.equal(bench.record.wakeAtMs, 102)
    assert.equal(bench.keep(102).length, 1)
    assert.equal(bench.record.wakeAtMs, Infinity)
  })

  it('says when the lease is lost', () => {
    const bench = new Bench('mine')
    bench.keep(1)
    bench.record.handleReply({ kind: 'failed', token: 3, code: 'LeaseLost' }, 2)
    assert.equal(bench.record.hasLostLease, true)
  })
})
