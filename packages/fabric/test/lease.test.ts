import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { leaseTtlProblem } from '@epicserver/fabric'
import type { Effect, StoreReply } from '@epicserver/fabric'
import { Outbox } from '#src/effects.ts'
import { Lease } from '#src/lease.ts'

const TTL = 6_000

class Bench {
  readonly outbox = new Outbox()
  readonly lease: Lease

  constructor(onEngineLoss: 'fence' | 'serve' = 'fence') {
    const options = { ttlMs: TTL, retryMs: 100, onEngineLoss, mutations: new Set<never>() }
    this.lease = new Lease(this.outbox, options)
  }

  /** The effects since the last time, as `kind` and token. */
  sent(): (readonly [Effect['kind'], number])[] {
    const effects: (readonly [Effect['kind'], number])[] = []
    for (let e = this.outbox.shift(); e !== undefined; e = this.outbox.shift()) {
      effects.push([e.kind, 'token' in e ? e.token : 0])
    }
    return effects
  }

  granted(askedAt: number, grantedAt: number): this {
    this.lease.ask(askedAt)
    this.lease.handleReply({ kind: 'granted', token: 1, id: 'n1', ttlMs: TTL }, grantedAt)
    this.sent()
    return this
  }
}

const renewed = (token: number): StoreReply => ({ kind: 'renewed', token, ttlMs: TTL })
const failed = (token: number, code: string): StoreReply => ({ kind: 'failed', token, code })

describe('lease: asking', () => {
  it('counts from when it asked, not from when it was answered', () => {
    const { lease } = new Bench().granted(1_000, 1_800)
    assert.equal(lease.id, 'n1')
    assert.equal(lease.deadlineMs, 1_000 + 4_500)
  })

  it('asks again at once when the grant came too late to be of use', () => {
    const bench = new Bench().granted(1_000, 5_500)
    assert.equal(bench.lease.id, undefined)
    bench.lease.handleReply({ kind: 'granted', token: 2, id: 'n2', ttlMs: TTL }, 5_600)
    assert.equal(bench.lease.id, 'n2')
    assert.equal(bench.lease.deadlineMs, 5_500 + 4_500)
  })

  it('asks again after a pause when the store cannot', () => {
    const bench = new Bench()
    bench.lease.ask(0)
    bench.lease.handleReply(failed(1, 'Unavailable'), 10)
    assert.equal(bench.lease.wakeAtMs, 110)
    bench.lease.handleTick(110)
    assert.deepEqual(bench.sent(), [
      ['grant', 1],
      ['grant', 2],
    ])
  })

  it('takes the time that the store gives', () => {
    const bench = new Bench()
    bench.lease.ask(0)
    bench.lease.handleReply({ kind: 'granted', token: 1, id: 'n1', ttlMs: 12_000 }, 5)
    assert.equal(bench.lease.deadlineMs, 9_000)
    assert.equal(bench.lease.wakeAtMs, 2_000)
  })

  it('takes no answer that was not meant for it', () => {
    const bench = new Bench().granted(0, 1)
    assert.equal(bench.lease.handleReply(renewed(99), 10), false)
  })
})

describe('lease: held', () => {
  it('is renewed at each sixth of its time, answered or not', () => {
    const bench = new Bench().granted(0, 10)
    for (const at of [1_000, 2_000, 3_000]) {
      assert.equal(bench.lease.wakeAtMs, at)
      bench.lease.handleTick(at)
    }
    assert.deepEqual(bench.sent(), [
      ['keepAlive', 2],
      ['keepAlive', 3],
      ['keepAlive', 4],
    ])
  })

  it('lasts longer by a renewal, counted from its sending', () => {
    const bench = new Bench().granted(0, 10)
    bench.lease.handleTick(1_000)
    bench.lease.handleReply(renewed(2), 3_500)
    assert.equal(bench.lease.deadlineMs, 1_000 + 4_500)
  })

  it('is not shortened by the answer to an older renewal', () => {
    const bench = new Bench().granted(0, 10)
    bench.lease.handleTick(1_000)
    bench.lease.handleTick(2_000)
    bench.lease.handleReply(renewed(3), 2_100)
    bench.lease.handleReply(renewed(2), 2_200)
    assert.equal(bench.lease.deadlineMs, 2_000 + 4_500)
  })

  it('is renewed sooner when a renewal failed', () => {
    const bench = new Bench().granted(0, 10)
    bench.lease.handleTick(1_000)
    bench.lease.handleReply(failed(2, 'Unavailable'), 1_020)
    assert.equal(bench.lease.wakeAtMs, 1_120)
  })
})

describe('lease: its end', () => {
  it('comes at the deadline', () => {
    const { lease } = new Bench().granted(0, 10)
    assert.equal(lease.canServe(4_499), true)
    assert.equal(lease.fenceReason(4_499), undefined)
    assert.equal(lease.canServe(4_500), false)
    assert.equal(lease.fenceReason(4_500), 'deadline')
  })

  it('comes when the store says that it is gone, whatever the deadline', () => {
    const bench = new Bench().granted(0, 10)
    bench.lease.handleTick(1_000)
    bench.lease.handleReply(failed(2, 'LeaseLost'), 1_001)
    assert.equal(bench.lease.canServe(1_001), false)
    assert.equal(bench.lease.fenceReason(1_001), 'leaseLost')
  })

  it('does not come with the deadline where the app chose to serve without the store', () => {
    const bench = new Bench('serve').granted(0, 10)
    assert.equal(bench.lease.canServe(60_000), true)
    assert.equal(bench.lease.fenceReason(60_000), undefined)
    bench.lease.markGone()
    assert.equal(bench.lease.canServe(60_000), false)
  })

  it('by order ends the renewals', () => {
    const bench = new Bench().granted(0, 10)
    bench.lease.stop()
    bench.lease.handleTick(1_000)
    assert.deepEqual(bench.sent(), [])
  })
})

describe('lease time', () => {
  const limits = { valueBytesMax: 1, txnOpsMax: 1, worstFailoverMs: 1_800, ttlMsMin: 2_000 }

  it('must outlast two fail-overs and a renewal', () => {
    assert.equal(leaseTtlProblem(6_000, limits), undefined)
    assert.match(leaseTtlProblem(4_000, limits) ?? '', /does not outlast .* are 4267 ms/)
  })

  it('must be one that the store can grant', () => {
    assert.match(leaseTtlProblem(1_000, limits) ?? '', /shorter than the 2000 ms/)
  })
})
