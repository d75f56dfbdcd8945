import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { assignPartitions, planView } from '@epicserver/fabric'
import type { MemberInfo, PlanOptions, View } from '@epicserver/fabric'
import { member, viewOf } from './members.ts'

const options: PlanOptions = { partitions: 4, movesMax: 2, assign: assignPartitions }

function plan(
  current: View | undefined,
  ...records: MemberInfo[]
): { why: string; owners: string; epochs: readonly number[] } | undefined {
  const planned = planView(current, records, options)
  if (planned === undefined) return undefined
  const { owner, partitionEpoch } = planned.view
  return { why: planned.why, owners: owner.map((id) => id ?? '-').join(''), epochs: partitionEpoch }
}

describe('plan', () => {
  it('of the first view gives all to those who are there', () => {
    assert.deepEqual(plan(undefined, member('a'), member('b')), {
      why: 'coldStart',
      owners: 'abab',
      epochs: [1, 1, 1, 1],
    })
  })

  it('without records is none', () => {
    assert.equal(plan(undefined), undefined)
    assert.equal(plan(viewOf(1, 'a', 'aaaa')), undefined)
  })

  it('changes nothing where all is as it should be', () => {
    assert.equal(plan(viewOf(1, 'ab', 'aabb'), member('a'), member('b')), undefined)
  })

  it('drops a member whose record is gone, and moves only what it had', () => {
    assert.deepEqual(plan(viewOf(4, 'abc', 'aabc', [1, 1, 2, 3]), member('a'), member('b')), {
      why: 'death',
      owners: 'aabb',
      epochs: [1, 1, 2, 5],
    })
  })

  it('after a death moves nothing else, even to one that joins', () => {
    assert.deepEqual(plan(viewOf(1, 'ab', 'aaab'), member('a'), member('c')), {
      why: 'death',
      owners: 'aaac',
      epochs: [1, 1, 1, 2],
    })
  })

  it('takes up a joiner and gives it its share, as far as movement allows', () => {
    assert.deepEqual(plan(viewOf(1, 'a', 'aaaa'), member('a'), member('b')), {
      why: 'change',
      owners: 'aabb',
      epochs: [1, 1, 2, 2],
    })
  })

  it('takes up a joiner that owns nothing yet', () => {
    assert.deepEqual(plan(viewOf(1, 'a', 'aaaa'), member('a'), member('b', { state: 'joining' })), {
      why: 'change',
      owners: 'aaaa',
      epochs: [1, 1, 1, 1],
    })
  })

  it('follows what a member says of itself', () => {
    const planned = planView(viewOf(1, 'a', 'aaaa'), [member('a', { appVersion: '2' })], options)
    assert.equal(planned?.view.members[0]?.appVersion, '2')
    assert.equal(planned?.why, 'change')
  })

  it('goes on with balancing when members are settled', () => {
    assert.equal(plan(viewOf(2, 'ab', 'aaaa'), member('a'), member('b'))?.why, 'balance')
  })

  it('with nobody left of the view begins anew above its number', () => {
    assert.deepEqual(plan(viewOf(8, 'a', 'aaaa'), member('b')), {
      why: 'coldStart',
      owners: 'bbbb',
      epochs: [9, 9, 9, 9],
    })
  })
})

const anyRecords: fc.Arbitrary<MemberInfo[]> = fc.uniqueArray(
  fc
    .record({
      nodeId: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      weight: fc.integer({ min: 1, max: 3 }),
      state: fc.constantFrom('joining' as const, 'active' as const, 'draining' as const),
    })
    .map(({ nodeId, ...info }) => member(nodeId, info)),
  { selector: ({ nodeId }) => nodeId, minLength: 1 },
)

/** The same records, where no member that has taken part is joining again: who leaves comes back under another id. */
function asTheyCome(before: View | undefined, records: readonly MemberInfo[]): MemberInfo[] {
  const taking = new Set(
    before?.members.filter(({ state }) => state !== 'joining').map(({ nodeId }) => nodeId),
  )
  return records.map((info) =>
    info.state === 'joining' && taking.has(info.nodeId) ? { ...info, state: 'active' } : info,
  )
}

describe('plan: whatever the records say, one after the other', () => {
  const anyHistory = fc.array(anyRecords, { minLength: 1, maxLength: 12 })
  const wide: PlanOptions = { partitions: 32, movesMax: 4, assign: assignPartitions }

  it('views are numbered without gaps, hold who lives, and an epoch tells of each change of owner', () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        let before: View | undefined
        for (const present of history) {
          const records = asTheyCome(before, present)
          const after = planView(before, records, wide)?.view
          if (after === undefined) continue
          const living = new Set(records.map(({ nodeId }) => nodeId))
          assert.equal(after.viewNo, (before?.viewNo ?? 0) + 1)
          assert.deepEqual(new Set(after.members.map(({ nodeId }) => nodeId)), living)
          for (const [partition, owner] of after.owner.entries()) {
            assert.ok(owner === undefined || living.has(owner))
            const isKept = before !== undefined && before.owner[partition] === owner
            const epoch: number | undefined = isKept
              ? before?.partitionEpoch[partition]
              : after.viewNo
            assert.equal(after.partitionEpoch[partition], epoch)
          }
          before = after
        }
      }),
    )
  })

  it('a death moves what the dead had and nothing else, and other views no more than they may', () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        let before: View | undefined
        for (const present of history) {
          const records = asTheyCome(before, present)
          const planned = planView(before, records, wide)
          const living = new Set(records.map(({ nodeId }) => nodeId))
          const moved = before?.owner.filter(
            (owner, partition) =>
              owner !== undefined && living.has(owner) && planned?.view.owner[partition] !== owner,
          )
          if (planned?.why === 'death') assert.deepEqual(moved, [])
          else if (planned !== undefined) assert.ok((moved?.length ?? 0) <= wide.movesMax)
          before = planned?.view ?? before
        }
      }),
    )
  })

  it('when the records stay as they are, there is an end of views', () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        let current: View | undefined
        for (const records of history) current = planView(current, records, wide)?.view ?? current
        const last = history.at(-1) ?? []
        for (let view = 0; view < wide.partitions; view += 1)
          current = planView(current, last, wide)?.view ?? current
        assert.equal(planView(current, last, wide), undefined)
      }),
    )
  })
})
