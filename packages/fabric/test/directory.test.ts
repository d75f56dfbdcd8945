import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Directory } from '#src/directory.ts'
import type { NamedReport } from '#src/directory.ts'
import type { EntityStatement } from '#src/peer-message.ts'
import { Desk } from './desk.ts'
import type { Told } from './desk.ts'

const place = { key: 'P/1', partition: 0 }

/** The owner `o`; grants begin with epoch 101. */
class Bench {
  readonly desk = new Desk('o')
  readonly directory = new Directory(this.desk)

  /** What the owner tells when `from` says something. */
  said(from: string, statement: EntityStatement): Told[] {
    this.directory.handleMessage(from, { viewNo: 1, term: 1, ...place, ...statement })
    return this.desk.told()
  }

  get host(): string | undefined {
    return this.directory.find(place)?.host
  }

  /** P/1 lives at `h` with epoch 102: placed with 101, granted with 102. */
  living(): this {
    this.directory.place(place, 'h')
    this.said('h', { kind: 'askGrant', nonce: 1 })
    return this
  }

  /** P/1 moves from `h` to `t`, for which 103 is prepared. */
  moving(): this {
    this.living()
    this.said('h', { kind: 'prepareMove', epoch: 102n, target: 't' })
    return this
  }
}

const told = (to: string, statement: EntityStatement): Told => ({ to, key: place.key, statement })
const commit = (epoch: bigint): EntityStatement => ({ kind: 'commitMove', epoch, nonce: 0 })

describe('directory: none', () => {
  it('is an entity at home', () => {
    assert.equal(new Bench().host, undefined)
  })

  it('becomes placed elsewhere, but not at home', () => {
    const bench = new Bench()
    bench.directory.place(place, 'o')
    assert.equal(bench.host, undefined)
    bench.directory.place(place, 'h')
    assert.equal(bench.host, 'h')
  })

  it('refuses who asks for a grant, and says where to go', () => {
    assert.deepEqual(new Bench().said('h', { kind: 'askGrant', nonce: 4 }), [
      told('h', { kind: 'refuse', nonce: 4, host: 'o', epoch: 0n }),
    ])
  })
})

describe('directory: placed and live', () => {
  it('is granted to its host', () => {
    const bench = new Bench()
    bench.directory.place(place, 'h')
    assert.deepEqual(bench.said('h', { kind: 'askGrant', nonce: 1 }), [
      told('h', { kind: 'grant', nonce: 1, epoch: 102n }),
    ])
  })

  it('stays where it was placed first', () => {
    const bench = new Bench().living()
    bench.directory.place(place, 't')
    assert.equal(bench.host, 'h')
  })

  it('is refused to others, who learn where it is', () => {
    assert.deepEqual(new Bench().living().said('s', { kind: 'askGrant', nonce: 9 }), [
      told('s', { kind: 'refuse', nonce: 9, host: 'h', epoch: 102n }),
    ])
  })

  it('is granted anew with a higher epoch when its host asks again', () => {
    assert.deepEqual(new Bench().living().said('h', { kind: 'askGrant', nonce: 2 }), [
      told('h', { kind: 'grant', nonce: 2, epoch: 103n }),
    ])
  })

  it('answers a repeated question the same again, and an older one not at all', () => {
    const bench = new Bench().living()
    assert.deepEqual(bench.said('h', { kind: 'askGrant', nonce: 1 }), [
      told('h', { kind: 'grant', nonce: 1, epoch: 102n }),
    ])
    assert.deepEqual(bench.said('h', { kind: 'askGrant', nonce: 0 }), [])
  })

  it('is forgotten when its host released it, in that epoch only', () => {
    const bench = new Bench().living()
    bench.said('h', { kind: 'released', epoch: 101n })
    assert.equal(bench.host, 'h')
    bench.said('s', { kind: 'released', epoch: 102n })
    assert.equal(bench.host, 'h')
    bench.said('h', { kind: 'released', epoch: 102n })
    assert.equal(bench.host, undefined)
  })

  it('is forgotten with its host', () => {
    const bench = new Bench().living()
    bench.desk.members.delete('h')
    bench.directory.prune()
    assert.equal(bench.host, undefined)
  })
})

describe('directory: preparing a move', () => {
  it('gives the epoch for the target, as often as asked', () => {
    const bench = new Bench().living()
    const prepared = [told('h', { kind: 'movePrepared', sourceEpoch: 102n, epoch: 103n })]
    assert.deepEqual(bench.said('h', { kind: 'prepareMove', epoch: 102n, target: 't' }), prepared)
    assert.deepEqual(bench.said('h', { kind: 'prepareMove', epoch: 102n, target: 't' }), prepared)
  })

  it('lets the owner move what is at home', () => {
    const bench = new Bench()
    assert.deepEqual(bench.said('o', { kind: 'prepareMove', epoch: 7n, target: 't' }), [
      told('o', { kind: 'movePrepared', sourceEpoch: 7n, epoch: 101n }),
    ])
    assert.equal(bench.host, 'o')
  })

  for (const [why, from, epoch, target] of [
    ['another epoch', 'h', 101n, 't'],
    ['another host', 's', 102n, 't'],
    ['itself as target', 'h', 102n, 'h'],
    ['a target that is no member', 'h', 102n, 'x'],
  ] as const) {
    it(`refuses ${why}`, () => {
      assert.deepEqual(new Bench().living().said(from, { kind: 'prepareMove', epoch, target }), [
        told(from, { kind: 'moveRefused', sourceEpoch: epoch }),
      ])
    })
  }

  it('refuses a second target', () => {
    assert.deepEqual(
      new Bench().moving().said('h', { kind: 'prepareMove', epoch: 102n, target: 's' }),
      [told('h', { kind: 'moveRefused', sourceEpoch: 102n })],
    )
  })
})

describe('directory: moving', () => {
  it('is at the target once it commits, and both are told', () => {
    const bench = new Bench().moving()
    const committed = { kind: 'moveCommitted', epoch: 103n, host: 't', sourceEpoch: 102n } as const
    assert.deepEqual(bench.said('t', { kind: 'commitMove', epoch: 103n, nonce: 5 }), [
      told('h', { ...committed, nonce: 0 }),
      told('t', { ...committed, nonce: 5 }),
    ])
    assert.equal(bench.host, 't')
  })

  it('tells the target again when it asks again', () => {
    const bench = new Bench().moving()
    bench.said('t', commit(103n))
    assert.deepEqual(bench.said('t', commit(103n)), [
      told('t', { kind: 'moveCommitted', epoch: 103n, host: 't', sourceEpoch: 0n, nonce: 0 }),
    ])
  })

  it('tells the target to drop a second arrival under the same epoch', () => {
    const bench = new Bench().moving()
    bench.said('t', { kind: 'commitMove', epoch: 103n, nonce: 5 })
    assert.deepEqual(bench.said('t', { kind: 'commitMove', epoch: 103n, nonce: 6 }), [
      told('t', { kind: 'moveAborted', sourceEpoch: 0n, epoch: 103n }),
    ])
    assert.equal(bench.host, 't')
  })

  it('is at home when the owner was the target', () => {
    const bench = new Bench().living()
    bench.said('h', { kind: 'prepareMove', epoch: 102n, target: 'o' })
    bench.said('o', commit(103n))
    assert.equal(bench.host, undefined)
  })

  it('voids what the target asked before', () => {
    const bench = new Bench().moving()
    bench.said('t', { kind: 'commitMove', epoch: 103n, nonce: 5 })
    assert.deepEqual(bench.said('t', { kind: 'askGrant', nonce: 4 }), [])
  })

  it('stays at the source with a newer epoch when it aborts, and both are told', () => {
    const bench = new Bench().moving()
    assert.deepEqual(bench.said('h', { kind: 'abortMove', epoch: 102n }), [
      told('h', { kind: 'moveAborted', sourceEpoch: 102n, epoch: 104n }),
      told('t', { kind: 'moveAborted', sourceEpoch: 0n, epoch: 103n }),
    ])
    assert.deepEqual(bench.said('t', commit(103n)), [
      told('t', { kind: 'moveAborted', sourceEpoch: 0n, epoch: 103n }),
    ])
  })

  it('answers a source that comes too late that it is gone', () => {
    const bench = new Bench().moving()
    bench.said('t', commit(103n))
    assert.deepEqual(bench.said('h', { kind: 'abortMove', epoch: 102n }), [
      told('h', { kind: 'moveCommitted', sourceEpoch: 102n, epoch: 103n, host: 't', nonce: 0 }),
    ])
  })

  it('answers a source that asks again the same again', () => {
    const bench = new Bench().moving()
    bench.said('h', { kind: 'abortMove', epoch: 102n })
    assert.deepEqual(bench.said('h', { kind: 'abortMove', epoch: 102n }), [
      told('h', { kind: 'moveAborted', sourceEpoch: 102n, epoch: 104n }),
    ])
  })

  it('of one at home stays there when it aborts', () => {
    const bench = new Bench()
    bench.said('o', { kind: 'prepareMove', epoch: 7n, target: 't' })
    bench.said('o', { kind: 'abortMove', epoch: 7n })
    assert.equal(bench.host, undefined)
  })

  it('stays at the source when the target is gone', () => {
    const bench = new Bench().moving()
    bench.desk.members.delete('t')
    bench.directory.prune()
    assert.deepEqual(bench.desk.told(), [
      told('h', { kind: 'moveAborted', sourceEpoch: 102n, epoch: 104n }),
    ])
  })

  it('is nowhere when the source is gone, and the target drops it', () => {
    const bench = new Bench().moving()
    bench.desk.members.delete('h')
    bench.directory.prune()
    assert.equal(bench.host, undefined)
    assert.deepEqual(bench.desk.told(), [
      told('t', { kind: 'moveAborted', sourceEpoch: 0n, epoch: 103n }),
    ])
  })

  it('grants nothing meanwhile, and is not released', () => {
    const bench = new Bench().moving()
    assert.deepEqual(bench.said('h', { kind: 'askGrant', nonce: 9 }), [])
    bench.said('h', { kind: 'released', epoch: 102n })
    assert.equal(bench.host, 'h')
  })
})

describe('directory: a new owner', () => {
  const report = (from: string, epoch: bigint, state: NamedReport['state']): NamedReport => ({
    ...place,
    from,
    epoch,
    state,
  })

  it('knows what lives where', () => {
    const bench = new Bench()
    bench.directory.open(0, [report('h', 7n, 'live')])
    assert.deepEqual(bench.directory.find(place)?.epoch, 7n)
    assert.equal(bench.directory.size, 1)
  })

  it('has at home what lived with it as a guest', () => {
    const bench = new Bench()
    bench.directory.open(0, [report('o', 7n, 'live')])
    assert.equal(bench.host, undefined)
  })

  it('lets a source go on whose target was not told to run', () => {
    const bench = new Bench()
    bench.directory.open(0, [report('s', 7n, 'moving'), report('t', 8n, 'adopting')])
    assert.equal(bench.host, 's')
    assert.deepEqual(bench.desk.told(), [
      told('s', { kind: 'moveAborted', sourceEpoch: 7n, epoch: 101n }),
    ])
  })

  it('tells a source that its target runs', () => {
    const bench = new Bench()
    bench.directory.open(0, [report('s', 7n, 'moving'), report('t', 8n, 'live')])
    assert.equal(bench.host, 't')
    assert.deepEqual(bench.desk.told(), [
      told('s', { kind: 'moveCommitted', sourceEpoch: 7n, epoch: 8n, host: 't', nonce: 0 }),
    ])
  })

  it('knows nothing of what was adopted and never ran', () => {
    const bench = new Bench()
    bench.directory.open(0, [report('t', 8n, 'adopting')])
    assert.equal(bench.host, undefined)
  })

  it('forgets all when the partition goes', () => {
    const bench = new Bench().living()
    bench.directory.close(0)
    assert.equal(bench.directory.size, 0)
  })
})
