import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { partitionEpochOf } from '@epicserver/contracts'
import { ClusterMember, isPeerMessage } from '@epicserver/fabric'
import type { Effect } from '@epicserver/fabric'
import { Lab, WALL_MS } from './lab.ts'
import type { Subject } from './lab.ts'

const kinds = (effects: readonly Effect[]): string[] => effects.map((effect) => effect.kind)

function reasonOf(subject: Subject): string | undefined {
  const fence = subject.effects.find((effect) => effect.kind === 'fence')
  return fence?.kind === 'fence' ? fence.reason : undefined
}

function serving({ member }: Subject): number[] {
  return [0, 1, 2, 3].filter((partition) => member.isServing(partition))
}

describe('cluster member: joining', () => {
  it('alone makes the first view and serves all of it', () => {
    const a = new Lab().join('a')
    assert.equal(a.member.phase, 'member')
    assert.equal(a.member.view?.viewNo, 1)
    assert.deepEqual(kinds(a.effects), ['viewChanged', 'gained'])
    assert.deepEqual(serving(a), [0, 1, 2, 3])
    assert.equal(a.member.canServe(0), true)
  })

  it('gets its share, and serves it when the others have let go', () => {
    const lab = new Lab()
    const a = lab.join('a')
    const b = lab.join('b')
    assert.equal(lab.owners(a), 'aabb')
    assert.deepEqual(serving(a), [0, 1])
    assert.deepEqual(serving(b), [2, 3])
  })

  it('waits for an owner that has not stopped yet', () => {
    const lab = new Lab()
    const a = lab.join('a')
    a.acknowledges = false
    const b = lab.join('b')
    assert.deepEqual(serving(a), [0, 1])
    assert.deepEqual(serving(b), [])
    a.member.ackLost(2, lab.now)
    lab.run()
    assert.deepEqual(serving(b), [2, 3])
  })

  it('as joining is known to all and owns nothing until it is activated', () => {
    const lab = new Lab()
    const a = lab.join('a')
    const b = lab.join('b', {}, 'joining')
    assert.equal(b.member.phase, 'member')
    assert.equal(lab.owners(a), 'aaaa')
    b.member.activate(lab.now)
    lab.run()
    assert.equal(lab.owners(a), 'aabb')
  })

  it('in a cluster that starts waits for the members that are expected', () => {
    const lab = new Lab()
    const config = { options: { coldStart: { members: 2, waitMs: 2_000 } } }
    const a = lab.join('a', config)
    assert.equal(a.member.phase, 'registering')
    const b = lab.join('b', config)
    assert.equal(b.member.view?.viewNo, 1)
    assert.equal(lab.owners(b), 'abab')
  })

  it('in a cluster that starts does not wait for ever', () => {
    const lab = new Lab()
    const a = lab.join('a', { options: { coldStart: { members: 2, waitMs: 2_000 } } })
    lab.pass(2_000)
    assert.equal(a.member.view?.viewNo, 1)
  })

  it('of another number of partitions stops', () => {
    const lab = new Lab()
    lab.join('a')
    const b = lab.join('b', { options: { partitions: 8 } })
    assert.equal(reasonOf(b), 'incompatible')
  })

  it('goes on in a store that was away', () => {
    const lab = new Lab()
    const a = lab.join('a', {})
    a.isConnected = false
    lab.pass(3_000)
    a.isConnected = true
    lab.pass(3_000)
    assert.equal(a.member.phase, 'member')
  })
})

describe('cluster member: clocks', () => {
  it('must be read before it asks for a lease', () => {
    const config = { address: 'a', boot: 'boot', appVersion: '1', ttlMs: 6_000, random: () => 0.5 }
    assert.throws(() => new ClusterMember(config).join(0), /the clocks are read/)
  })
})

describe('cluster member: a death', () => {
  it('gives what was the dead one’s to the others as soon as its lease is gone', () => {
    const lab = new Lab()
    const a = lab.join('a')
    const b = lab.join('b')
    a.isConnected = false
    lab.engine.revoke(a.member.nodeId ?? '')
    lab.run()
    assert.equal(lab.owners(b), 'bbbb')
    assert.deepEqual(serving(b), [0, 1, 2, 3])
    assert.equal(b.member.masterId, b.member.nodeId)
  })

  it('raises the term of the master', () => {
    const lab = new Lab()
    const a = lab.join('a')
    const b = lab.join('b')
    const term = b.member.term ?? 0n
    lab.engine.revoke(a.member.nodeId ?? '')
    lab.run()
    assert.ok((b.member.term ?? 0n) > term)
  })

  it('that no master answers is answered by another member after a while', () => {
    const lab = new Lab()
    const a = lab.join('a')
    const b = lab.join('b')
    const c = lab.join('c')
    // The master is frozen, but its lease still runs.
    lab.subjects.splice(lab.subjects.indexOf(a), 1)
    lab.engine.revoke(c.member.nodeId ?? '')
    lab.run()
    assert.equal(b.member.view?.members.length, 3)
    lab.pass(3_000)
    assert.equal(b.member.view?.members.length, 2)
  })

  it('of all is followed by a new beginning above the old views', () => {
    const lab = new Lab()
    const a = lab.join('a')
    lab.subjects.length = 0
    lab.engine.revoke(a.member.nodeId ?? '')
    const b = lab.join('b')
    assert.equal(b.member.view?.viewNo, 2)
    assert.deepEqual(serving(b), [0, 1, 2, 3])
  })
})

describe('cluster member: its end', () => {
  it('comes before its lease runs out when it cannot renew', () => {
    const lab = new Lab()
    const a = lab.join('a')
    a.isConnected = false
    lab.pass(4_450)
    assert.equal(a.member.canServe(lab.now), true)
    lab.pass(50)
    assert.equal(reasonOf(a), 'deadline')
    assert.equal(a.member.canServe(lab.now), false)
    assert.equal(a.member.pollWakeAt(), Infinity)
  })

  it('leaves the others to take over when the lease has run out', () => {
    const lab = new Lab()
    const a = lab.join('a')
    const b = lab.join('b')
    a.isConnected = false
    lab.pass(6_050)
    assert.equal(lab.owners(b), 'bbbb')
  })

  it('comes at once when the store says that its lease is gone', () => {
    const lab = new Lab()
    const a = lab.join('a')
    lab.engine.revoke(a.member.nodeId ?? '')
    lab.run()
    assert.equal(reasonOf(a), 'leaseLost')
    assert.deepEqual(serving(a), [])
    assert.equal(a.member.canServe(lab.now), false)
  })

  it('comes with a gap in the clocks, and gives the lease back', () => {
    const lab = new Lab()
    const a = lab.join('a')
    const b = lab.join('b')
    a.member.handleClock({ wallMs: WALL_MS + 2_000, boot: 'boot' }, 11)
    lab.run()
    assert.equal(reasonOf(a), 'clockGap')
    assert.equal(lab.owners(b), 'bbbb')
  })

  it('comes with a suspension before its first tick', () => {
    const lab = new Lab()
    const a = lab.join('a')
    a.member.handleClock({ wallMs: WALL_MS + 2_400, boot: 'boot' }, lab.now)
    lab.run()
    assert.equal(reasonOf(a), 'clockGap')
  })

  it('comes sooner by the time that its clock missed', () => {
    const lab = new Lab()
    const { member } = lab.join('a')
    member.handleClock({ wallMs: WALL_MS + 11 + 900, boot: 'boot' }, 11)
    assert.equal(member.deadlineMs, 4_500 - 900)
    assert.equal(member.canServe(3_599), true)
    assert.equal(member.canServe(3_600), false)
  })

  it('by leaving gives up what it stopped, then its lease', () => {
    const lab = new Lab()
    const a = lab.join('a')
    const b = lab.join('b')
    b.acknowledges = false
    b.member.leave(lab.now)
    lab.run()
    assert.deepEqual(serving(b), [])
    assert.equal(lab.owners(a), 'aabb')
    b.member.ackLost(3, lab.now)
    lab.run()
    assert.equal(reasonOf(b), 'left')
    assert.deepEqual(serving(a), [0, 1, 2, 3])
  })

  it('is final: it takes no event any more', () => {
    const lab = new Lab()
    const a = lab.join('a')
    a.member.leave(lab.now)
    lab.run()
    const before = a.effects.length
    a.member.handleTick(9_999)
    a.member.join(9_999)
    lab.run()
    assert.equal(a.effects.length, before)
    assert.equal(a.member.phase, 'finished')
  })
})

describe('cluster member: draining', () => {
  it('gives up some at a time, and says when nothing is left', () => {
    const lab = new Lab()
    const options = { options: { movesMax: 1 } }
    const a = lab.join('a', options)
    const b = lab.join('b', options)
    lab.pass(2_000)
    b.member.drain(lab.now)
    lab.run()
    assert.equal(lab.owners(a).replaceAll('a', ''), 'b')
    lab.pass(2_000)
    assert.equal(lab.owners(a), 'aaaa')
    assert.ok(kinds(b.effects).includes('drained'))
  })

  it('is not over while a guest lives there', () => {
    const lab = new Lab()
    const a = lab.join('a')
    const b = lab.join('b')
    const guest = { key: 'P/1', partition: 0 }
    a.member.residents.place(guest, b.member.nodeId ?? '', lab.now)
    b.member.residents.resolve(guest, 0n, lab.now)
    lab.run()
    b.member.drain(lab.now)
    lab.pass(2_000)
    assert.equal(lab.owners(a), 'aaaa')
    assert.ok(!kinds(b.effects).includes('drained'))
    b.member.residents.release(guest.key, lab.now)
    lab.pass(2_000)
    assert.ok(kinds(b.effects).includes('drained'))
  })

  it('can be taken back', () => {
    const lab = new Lab()
    const a = lab.join('a')
    const b = lab.join('b')
    b.member.drain(lab.now)
    lab.run()
    b.member.activate(lab.now)
    lab.pass(2_000)
    assert.equal(lab.owners(a).replaceAll('a', ''), 'bb')
  })
})

describe('cluster member: grants', () => {
  it('have epochs that grow within a partition and with its owners', () => {
    const lab = new Lab()
    const a = lab.join('a')
    const first = a.member.nextGrantEpoch(3)
    assert.ok(a.member.nextGrantEpoch(3) > first)
    const b = lab.join('b')
    assert.ok(b.member.nextGrantEpoch(3) > first + 1n)
    assert.equal(partitionEpochOf(b.member.nextGrantEpoch(3)), b.member.partitionEpoch(3))
  })

  it('are never given for what is not served', () => {
    const lab = new Lab()
    const a = lab.join('a')
    lab.join('b')
    assert.throws(() => a.member.nextGrantEpoch(3), /partition 3 is served/)
  })
})

describe('cluster member: admission', () => {
  function pair(): { a: Subject; b: Subject; from: string } {
    const lab = new Lab()
    const a = lab.join('a')
    const b = lab.join('b')
    return { a, b, from: b.member.nodeId ?? '' }
  }

  it('serves what a member sends to the owner', () => {
    const { a, from } = pair()
    assert.equal(a.member.admit({ from, viewNo: 2, partition: 0 }, 0), 'serve')
  })

  it('answers "moved" where another is the owner', () => {
    const { a, from } = pair()
    assert.equal(a.member.admit({ from, viewNo: 2, partition: 3 }, 0), 'moved')
  })

  it('answers "moved" to one who sent before the partition came here (checklist 11)', () => {
    const { a, b } = pair()
    const from = a.member.nodeId ?? ''
    assert.equal(b.member.admit({ from, viewNo: 1, partition: 3 }, 0), 'moved')
  })

  it('waits for a view that the sender has already', () => {
    const { a, from } = pair()
    assert.equal(a.member.admit({ from, viewNo: 3, partition: 0 }, 0), 'wait')
  })

  it('drops what strangers send, and everything after its deadline (checklist 11)', () => {
    const { a, from } = pair()
    assert.equal(a.member.admit({ from: 'n99', viewNo: 2, partition: 0 }, 0), 'drop')
    assert.equal(a.member.admit({ from, viewNo: 2, partition: 0 }, 4_500), 'drop')
  })
})

describe('cluster member: a message of a peer', () => {
  it('that is none is dropped', () => {
    const member = new ClusterMember({
      address: 'a',
      boot: '',
      appVersion: '1',
      ttlMs: 6_000,
      random: () => 0,
    })
    for (const value of [null, 1, {}, { kind: 'installed' }, { kind: 'x', viewNo: 1 }]) {
      assert.equal(isPeerMessage(value), false)
      member.handlePeerMessage('x', value as never, 0)
    }
  })
})
