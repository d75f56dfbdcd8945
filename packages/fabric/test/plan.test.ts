import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
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
