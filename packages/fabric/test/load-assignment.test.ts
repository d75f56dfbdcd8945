import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createLoadAssign } from '@epicserver/fabric'
import { member } from './members.ts'

const LOADS = [8, 1, 1, 1, 1, 1, 1, 2]
const assign = createLoadAssign({ loadOf: (partition) => LOADS[partition] ?? 0, tolerance: 0.25 })
const two = [member('a'), member('b')]
const nobody = LOADS.map(() => undefined)

function loadsOf(owners: readonly (string | undefined)[]): Record<string, number> {
  const loads: Record<string, number> = {}
  owners.forEach((owner, p) => (loads[owner ?? '-'] = (loads[owner ?? '-'] ?? 0) + (LOADS[p] ?? 0)))
  return loads
}

describe('assignment by load', () => {
  it('of a new cluster spreads what partitions cost', () => {
    assert.deepEqual(loadsOf(assign(nobody, two, { movesMax: 8 })), { a: 8, b: 8 })
  })

  it('moves nothing while the fullest is well', () => {
    const owners = ['a', 'b', 'b', 'b', 'b', 'b', 'a', 'b']
    assert.deepEqual(assign(owners, two, { movesMax: 8 }), owners)
  })

  it('moves from the fullest to the emptiest, some at a time', () => {
    const all = LOADS.map(() => 'a')
    const after = assign(all, two, { movesMax: 1 })
    assert.equal(after.filter((owner) => owner === 'b').length, 1)
    assert.deepEqual(loadsOf(assign(all, two, { movesMax: 8 })), { a: 8, b: 8 })
  })

  it('leaves alone what cannot be made better', () => {
    const hot = createLoadAssign({ loadOf: (p) => (p === 0 ? 100 : 0), tolerance: 0.25 })
    const owners = ['a', 'b']
    assert.deepEqual(hot(owners, two, { movesMax: 8 }), owners)
  })

  it('empties a draining member, and gives a joining one nothing', () => {
    const members = [
      member('a', { state: 'draining' }),
      member('b'),
      member('c', { state: 'joining' }),
    ]
    assert.deepEqual(
      loadsOf(
        assign(
          LOADS.map(() => 'a'),
          members,
          { movesMax: 8 },
        ),
      ),
      { b: 16 },
    )
  })

  it('moves whole shards where shards are the unit', () => {
    const unit = (partition: number): number => partition % 4
    const after = assign(nobody, two, { movesMax: 8, unit })
    for (let p = 0; p < 8; p += 1) assert.equal(after[p], after[unit(p)])
  })

  it('ends, whatever partitions cost', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100), { minLength: 1, maxLength: 24 }), (loads) => {
        const any = createLoadAssign({ loadOf: (p) => loads[p] ?? 0, tolerance: 0.25 })
        const three = [member('a'), member('b', { weight: 2 }), member('c')]
        const settled = any(
          loads.map(() => 'a'),
          three,
          { movesMax: 1_000 },
        )
        assert.deepEqual(any(settled, three, { movesMax: 1_000 }), settled)
        assert.ok(settled.every((owner) => owner !== undefined))
      }),
    )
  })
})
