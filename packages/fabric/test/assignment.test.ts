import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { assignPartitions } from '@epicserver/fabric'
import type { MemberInfo } from '@epicserver/fabric'
import { member } from './members.ts'

type Owners = readonly (string | undefined)[]

const UNBOUNDED = { movesMax: 1_000_000 }
const nobody = (partitions: number): Owners => Array.from({ length: partitions }, () => undefined)

function counts(owners: Owners): Record<string, number> {
  const result: Record<string, number> = {}
  for (const owner of owners) result[owner ?? '-'] = (result[owner ?? '-'] ?? 0) + 1
  return result
}

function moved(before: Owners, after: Owners): number {
  return after.filter((owner, p) => before[p] !== undefined && owner !== before[p]).length
}

const anyMembers: fc.Arbitrary<MemberInfo[]> = fc.uniqueArray(
  fc
    .record({
      nodeId: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
      weight: fc.integer({ min: 1, max: 4 }),
      state: fc.constantFrom('joining', 'active', 'draining'),
    })
    .map((options) => member(options.nodeId, options as Partial<MemberInfo>)),
  { selector: (info) => info.nodeId, minLength: 1 },
)
const anyOwners = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'gone', undefined), {
  minLength: 1,
  maxLength: 64,
})

describe('assignment', () => {
  it('of a new cluster gives each member its share', () => {
    const owners = assignPartitions(
      nobody(1024),
      [member('a'), member('b'), member('c')],
      UNBOUNDED,
    )
    assert.deepEqual(counts(owners), { a: 342, b: 341, c: 341 })
  })

  it('follows the weights', () => {
    const members = [member('a', { weight: 3 }), member('b')]
    assert.deepEqual(counts(assignPartitions(nobody(1024), members, UNBOUNDED)), { a: 768, b: 256 })
  })

  it('moves a ninth to a ninth member', () => {
    const eight = Array.from('abcdefgh').map((nodeId) => member(nodeId))
    const before = assignPartitions(nobody(1024), eight, UNBOUNDED)
    const after = assignPartitions(before, [...eight, member('i')], UNBOUNDED)
    assert.equal(counts(after)['i'], moved(before, after))
    assert.ok(moved(before, after) <= Math.ceil(1024 / 9))
  })

  it('moves what a dead member had, and nothing else', () => {
    const three = [member('a'), member('b'), member('c')]
    const before = assignPartitions(nobody(12), three, UNBOUNDED)
    const after = assignPartitions(before, three.slice(0, 2), { movesMax: 0 })
    assert.deepEqual(counts(after), { a: 6, b: 6 })
    assert.equal(moved(before, after), 4)
  })

  it('takes from a draining member, some at a time', () => {
    const before = assignPartitions(nobody(8), [member('a'), member('b')], UNBOUNDED)
    const members = [member('a'), member('b', { state: 'draining' })]
    assert.deepEqual(counts(assignPartitions(before, members, { movesMax: 3 })), { a: 7, b: 1 })
  })

  it('leaves everything with draining members when nobody is active', () => {
    const members = [member('a', { state: 'draining' }), member('b', { state: 'joining' })]
    assert.deepEqual(counts(assignPartitions(nobody(4), members, UNBOUNDED)), { a: 4 })
  })

  it('gives a joining member nothing', () => {
    assert.deepEqual(
      counts(assignPartitions(nobody(4), [member('a', { state: 'joining' })], UNBOUNDED)),
      { '-': 4 },
    )
  })

  it('moves whole shards where shards are the unit', () => {
    const unit = (partition: number): number => partition % 4
    const before = assignPartitions(nobody(64), [member('a')], { ...UNBOUNDED, unit })
    const after = assignPartitions(before, [member('a'), member('b')], { unit, movesMax: 1 })
    assert.equal(counts(after)['b'], 16)
    for (let p = 0; p < 64; p += 1) assert.equal(after[p], after[unit(p)])
  })
})

describe('assignment: any members, any owners before', () => {
  it('leaves no partition alone while a member can own', () => {
    fc.assert(
      fc.property(anyOwners, anyMembers, fc.nat(70), (before, members, movesMax) => {
        const able = new Set(members.filter((m) => m.state !== 'joining').map((m) => m.nodeId))
        const after = assignPartitions(before, members, { movesMax })
        return after.every((owner) =>
          able.size === 0 ? owner === undefined : able.has(owner ?? ''),
        )
      }),
    )
  })

  it('moves no more than it may, beside what had no living owner', () => {
    fc.assert(
      fc.property(anyOwners, anyMembers, fc.nat(10), (before, members, movesMax) => {
        const living = new Set(members.filter((m) => m.state !== 'joining').map((m) => m.nodeId))
        const kept = before.map((owner) =>
          owner !== undefined && living.has(owner) ? owner : undefined,
        )
        return moved(kept, assignPartitions(before, members, { movesMax })) <= movesMax
      }),
    )
  })

  it('ends in shares by weight, after which nothing moves', () => {
    fc.assert(
      fc.property(anyOwners, anyMembers, (before, members) => {
        const active = members.filter((m) => m.state === 'active')
        if (active.length === 0) return
        const weights = active.reduce((sum, m) => sum + m.weight, 0)
        const after = assignPartitions(before, members, UNBOUNDED)
        for (const { nodeId, weight } of active) {
          const fair = (before.length * weight) / weights
          assert.ok(Math.abs((counts(after)[nodeId] ?? 0) - fair) < active.length)
        }
        assert.deepEqual(assignPartitions(after, members, UNBOUNDED), after)
      }),
    )
  })
})
