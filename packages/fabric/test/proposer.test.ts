import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Rec } from '@epicserver/contracts'
import { assignPartitions, decodeView, encodeMemberRecord, recordKeys } from '@epicserver/fabric'
import type { Effect } from '@epicserver/fabric'
import { Outbox } from '#src/effects.ts'
import { Mirror } from '#src/mirror.ts'
import { Proposer } from '#src/proposer.ts'
import type { ProposerRole } from '#src/proposer.ts'
import { encodeView } from '#src/view.ts'
import { member, viewOf } from './members.ts'

const keys = recordKeys('')
const memberRec = (nodeId: string): Rec => ({
  key: keys.member + nodeId,
  rev: 1n,
  value: encodeMemberRecord(member(nodeId)),
})
const viewRec = (rev: bigint, nodeIds: string, owners: string): Rec => ({
  key: keys.view,
  rev,
  value: encodeView(viewOf(Number(rev), nodeIds, owners)),
})

/** A mirror that was listed at revision 5 (its list had token 1), and a proposer that looks at it. */
class Bench {
  readonly outbox = new Outbox()
  readonly mirror: Mirror = new Mirror(this.outbox, { keys, retryMs: 100, relistMs: 5_000 })
  readonly proposer: Proposer = new Proposer(this.outbox, this.mirror, {
    keys,
    partitions: 2,
    movesMax: 2,
    assign: assignPartitions,
    retryMs: 100,
    coldStart: { members: 1, waitMs: 0 },
    joinSettleMs: 30,
    rebalanceEveryMs: 500,
    fallbackMs: 1_000,
    random: () => 0.5,
  })

  constructor(...recs: Rec[]) {
    this.mirror.start(0)
    this.lists(1, 5n, recs)
    this.sent()
  }

  lists(token: number, rev: bigint, recs: Rec[]): void {
    this.mirror.handleReply({ kind: 'listed', token, recs, rev }, 0)
  }

  sent(): Effect[] {
    const effects: Effect[] = []
    for (let e = this.outbox.shift(); e !== undefined; e = this.outbox.shift()) effects.push(e)
    return effects
  }

  advance(now: number, role: ProposerRole = 'master'): string[] {
    this.proposer.advance(role, now)
    return this.sent().map((effect) => effect.kind)
  }
}

const dead = [memberRec('a'), viewRec(5n, 'ab', 'ab')]

describe('proposer: idle', () => {
  it('stays so where the view is as it should be', () => {
    const bench = new Bench(memberRec('a'), viewRec(5n, 'a', 'aa'))
    assert.deepEqual(bench.advance(10), [])
    assert.equal(bench.proposer.wakeAtMs, Infinity)
  })

  it('lists at once after a death', () => {
    assert.deepEqual(new Bench(...dead).advance(10), ['list'])
  })

  it('lets joins gather for a moment', () => {
    const bench = new Bench(memberRec('a'), memberRec('b'), viewRec(5n, 'a', 'aa'))
    assert.deepEqual(bench.advance(10), [])
    assert.equal(bench.proposer.wakeAtMs, 40)
    assert.deepEqual(bench.advance(40), ['list'])
  })

  it('leaves time between two views that only move', () => {
    const bench = new Bench(memberRec('a'), memberRec('b'), viewRec(5n, 'ab', 'aa'))
    assert.deepEqual(bench.advance(10), [])
    assert.equal(bench.proposer.wakeAtMs, 510)
  })

  it('leaves the proposal to the master for a while', () => {
    const bench = new Bench(...dead)
    assert.deepEqual(bench.advance(10, 'other'), [])
    assert.equal(bench.proposer.wakeAtMs, 10 + 1_500)
    assert.deepEqual(bench.advance(1_510, 'other'), ['list'])
  })

  it('does what a death calls for at once in the place of a master that died', () => {
    assert.deepEqual(new Bench(...dead).advance(10, 'deputy'), ['list'])
  })

  it('leaves all but deaths to the next master', () => {
    const bench = new Bench(memberRec('a'), memberRec('b'), viewRec(5n, 'a', 'aa'))
    assert.deepEqual(bench.advance(10, 'deputy'), [])
    assert.equal(bench.proposer.wakeAtMs, 10 + 30 + 1_500)
  })

  it('leaves balance to the master altogether', () => {
    for (const role of ['deputy', 'other'] as const) {
      const bench = new Bench(memberRec('a'), memberRec('b'), viewRec(5n, 'ab', 'aa'))
      assert.deepEqual(bench.advance(99_999, role), [])
    }
  })
})

describe('proposer: listing and committing', () => {
  /** The token of the proposal that follows a list (token 3) in which b is gone. */
  function committing(): { bench: Bench; token: number } {
    const bench = new Bench(...dead)
    bench.advance(10)
    bench.lists(3, 6n, dead)
    bench.proposer.advance('master', 20)
    const [txn] = bench.sent()
    assert.ok(txn?.kind === 'txn')
    return { bench, token: txn.token }
  }

  it('proposes what the fresh list calls for, at the revision that it saw', () => {
    const bench = new Bench(...dead)
    bench.advance(10)
    bench.lists(3, 6n, dead)
    bench.proposer.advance('master', 20)
    const [txn] = bench.sent()
    assert.ok(txn?.kind === 'txn')
    assert.deepEqual(txn.txn.if, [{ key: keys.view, is: 'at', rev: 5n }])
    const op = txn.txn.then[0]
    assert.ok(op?.op === 'put')
    const decoded = decodeView(op.value)
    assert.deepEqual(decoded.ok && decoded.view.owner, ['a', 'a'])
  })

  it('proposes nothing when the list shows that all is well', () => {
    const bench = new Bench(...dead)
    bench.advance(10)
    bench.lists(3, 6n, [memberRec('a'), viewRec(6n, 'a', 'aa')])
    assert.deepEqual(bench.advance(20), [])
  })

  it('waits for the mirror to show what it committed', () => {
    const { bench, token } = committing()
    bench.proposer.handleReply({ kind: 'committed', token, ok: true, rev: 7n }, 30)
    assert.deepEqual(bench.advance(31), [])
  })

  it('reads again when it lost, or does not know', () => {
    for (const reply of [
      { kind: 'committed', ok: false, rev: 7n },
      { kind: 'failed', code: 'Unknown' },
    ] as const) {
      const { bench, token } = committing()
      bench.proposer.handleReply({ ...reply, token }, 30)
      assert.deepEqual(bench.advance(31), ['list'])
      bench.lists(token + 1, 8n, dead)
      assert.deepEqual(bench.advance(32), ['list'])
    }
  })

  it('pauses when nothing was done', () => {
    const { bench, token } = committing()
    bench.proposer.handleReply({ kind: 'failed', token, code: 'Unavailable' }, 30)
    assert.deepEqual(bench.advance(31), [])
    assert.equal(bench.proposer.wakeAtMs, 130)
  })
})
