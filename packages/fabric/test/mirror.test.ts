import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Rec, WatchEvent } from '@epicserver/contracts'
import { encodeMemberRecord, encodeView, recordKeys } from '@epicserver/fabric'
import type { Effect } from '@epicserver/fabric'
import { Outbox } from '#src/effects.ts'
import { Mirror } from '#src/mirror.ts'
import { member, viewOf } from './members.ts'

const keys = recordKeys('c/')

function rec(key: string, rev: bigint, value: Uint8Array = new Uint8Array()): Rec {
  return { key, rev, value }
}

function put(key: string, rev: bigint, value?: Uint8Array): WatchEvent {
  return { kind: 'put', rec: rec(key, rev, value) }
}

class Bench {
  readonly outbox = new Outbox()
  readonly mirror: Mirror = new Mirror(this.outbox, { keys, retryMs: 100, relistMs: 5_000 })

  effects(): Effect[] {
    const effects: Effect[] = []
    for (let e = this.outbox.shift(); e !== undefined; e = this.outbox.shift()) effects.push(e)
    return effects
  }

  /** Started, and listed (token 1) at a revision; the watch has token 2. */
  listed(recs: Rec[], rev: bigint): this {
    this.mirror.start(0)
    this.mirror.handleReply({ kind: 'listed', token: 1, recs, rev }, 10)
    this.effects()
    return this
  }
}

describe('mirror: listing', () => {
  it('lists the prefix, then watches from the list’s revision', () => {
    const bench = new Bench()
    bench.mirror.start(0)
    assert.deepEqual(bench.effects(), [{ kind: 'list', token: 1, prefix: 'c/' }])
    bench.mirror.handleReply({ kind: 'listed', token: 1, recs: [], rev: 7n }, 10)
    assert.deepEqual(bench.effects(), [{ kind: 'watch', token: 2, prefix: 'c/', from: 7n }])
  })

  it('tries again after a pause when the store cannot', () => {
    const bench = new Bench()
    bench.mirror.start(0)
    bench.mirror.handleReply({ kind: 'failed', token: 1, code: 'Unavailable' }, 10)
    assert.equal(bench.mirror.wakeAtMs, 110)
    bench.mirror.handleTick(110)
    assert.equal(bench.effects().length, 2)
  })

  it('knows the view and the members', () => {
    const view = viewOf(3, 'a', 'aa')
    const recs = [
      rec(keys.view, 5n, encodeView(view)),
      rec(`${keys.member}a`, 4n, encodeMemberRecord(member('a'))),
      rec(`${keys.member}b`, 4n, Uint8Array.of(99)),
    ]
    const { mirror } = new Bench().listed(recs, 5n)
    assert.deepEqual(mirror.view, { ok: true, view })
    assert.deepEqual([...mirror.members.values()], [member('a')])
  })

  it('asks for one list at a time', () => {
    const bench = new Bench().listed([], 7n)
    assert.equal(bench.mirror.refresh(20), bench.mirror.refresh(21))
    assert.equal(bench.effects().length, 1)
  })
})

describe('mirror: watching', () => {
  it('follows changes in order', () => {
    const { mirror } = new Bench().listed([rec('c/x', 2n)], 7n)
    mirror.handleWatch({ token: 2, events: [put('c/y', 8n)] }, 20)
    mirror.handleWatch({ token: 2, events: [{ kind: 'delete', key: 'c/x', rev: 9n }] }, 21)
    assert.equal(mirror.record('c/x'), undefined)
    assert.equal(mirror.record('c/y')?.rev, 8n)
    assert.equal(mirror.rev, 9n)
  })

  it('takes all changes of one revision', () => {
    const { mirror } = new Bench().listed([], 7n)
    mirror.handleWatch({ token: 2, events: [put('c/x', 8n), put('c/y', 8n)] }, 20)
    assert.equal(mirror.record('c/y')?.rev, 8n)
  })

  it('drops what a list has overtaken', () => {
    const { mirror } = new Bench().listed([], 7n)
    const token = mirror.refresh(20)
    mirror.handleReply({ kind: 'listed', token, recs: [rec('c/x', 9n)], rev: 9n }, 30)
    mirror.handleWatch({ token: 2, events: [{ kind: 'delete', key: 'c/x', rev: 8n }] }, 31)
    assert.equal(mirror.record('c/x')?.rev, 9n)
  })

  it('believes a list of the revision that it has, whatever the watch left out', () => {
    const bench = new Bench().listed([rec('c/view', 4n)], 4n)
    bench.mirror.handleWatch({ token: 2, events: [put('c/master', 6n)] }, 20)
    bench.mirror.refresh(30)
    const recs = [rec('c/member/a', 5n, encodeMemberRecord(member('a'))), rec('c/master', 6n)]
    bench.mirror.handleReply({ kind: 'listed', token: 3, recs, rev: 6n }, 40)
    assert.deepEqual([...bench.mirror.members.keys()], ['a'])
  })

  it('drops a list that the watch has overtaken', () => {
    const { mirror } = new Bench().listed([], 7n)
    const token = mirror.refresh(20)
    mirror.handleWatch({ token: 2, events: [put('c/x', 9n)] }, 30)
    mirror.handleReply({ kind: 'listed', token, recs: [], rev: 8n }, 31)
    assert.equal(mirror.record('c/x')?.rev, 9n)
    assert.equal(mirror.listedToken, token)
  })

  it('lists again after a reset, and watches from there', () => {
    const bench = new Bench().listed([rec('c/x', 2n)], 7n)
    bench.mirror.handleWatch({ token: 2, events: 'reset' }, 20)
    bench.mirror.handleReply({ kind: 'listed', token: 3, recs: [], rev: 30n }, 30)
    assert.deepEqual(bench.effects(), [
      { kind: 'list', token: 3, prefix: 'c/' },
      { kind: 'watch', token: 4, prefix: 'c/', from: 30n },
    ])
    assert.equal(bench.mirror.record('c/x'), undefined)
  })

  it('lists now and then although the watch runs', () => {
    const bench = new Bench().listed([], 7n)
    assert.equal(bench.mirror.wakeAtMs, 5_010)
    bench.mirror.handleTick(5_010)
    assert.deepEqual(bench.effects(), [{ kind: 'list', token: 3, prefix: 'c/' }])
  })

  it('stops with its watch', () => {
    const bench = new Bench().listed([], 7n)
    bench.mirror.stop()
    assert.deepEqual(bench.effects(), [{ kind: 'unwatch', token: 2 }])
    assert.equal(bench.mirror.handleWatch({ token: 2, events: [put('c/x', 8n)] }, 20), false)
    assert.equal(bench.mirror.wakeAtMs, Infinity)
  })
})
