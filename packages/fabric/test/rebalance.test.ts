import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DEFAULT_REBALANCE, planRebalance } from '@epicserver/fabric'
import type { Load, MemberState, Movable, RebalanceInput } from '@epicserver/fabric'
import { member } from './members.ts'

/** Only processor time, so that a score is a number that one can follow. */
const options = {
  ...DEFAULT_REBALANCE,
  capacity: { cpu: 1, bytes: Infinity, messages: Infinity },
  restMs: 1_000,
  scoreMin: 0.1,
}
const cpu = (amount: number): Load => ({ cpu: amount, bytes: 0, messages: 0, entities: 1 })

function movable(key: string, amount: number, more: Partial<Movable> = {}): Movable {
  return { key, load: cpu(amount), sinceMs: 60_000, ...more }
}

function input(
  self: string,
  loads: Record<string, number>,
  movables: Movable[],
  states: Record<string, MemberState> = {},
): RebalanceInput {
  const members = Object.keys(loads).map((nodeId) =>
    member(nodeId, { state: states[nodeId] ?? 'active' }),
  )
  return {
    self,
    view: { viewNo: 1, members, owner: [], partitionEpoch: [] },
    loads: new Map(Object.entries(loads).map(([nodeId, amount]) => [nodeId, cpu(amount)])),
    movables,
  }
}

const tens = (count: number): Movable[] =>
  Array.from({ length: count }, (_, i) => movable(`P/${i}`, 0.1))

describe('rebalance', () => {
  it('gives the idle what the busy has too much', () => {
    const moves = planRebalance(input('a', { a: 0.8, b: 0.2 }, tens(8)), options)
    assert.deepEqual(moves, [
      { key: 'P/0', target: 'b' },
      { key: 'P/1', target: 'b' },
      { key: 'P/2', target: 'b' },
    ])
  })

  it('moves nothing where the differences are small, or everyone is idle', () => {
    assert.deepEqual(planRebalance(input('a', { a: 0.55, b: 0.45 }, tens(5)), options), [])
    assert.deepEqual(planRebalance(input('a', { a: 0.09, b: 0 }, tens(1)), options), [])
  })

  it('moves nothing away from a node that is not too busy', () => {
    assert.deepEqual(planRebalance(input('b', { a: 0.8, b: 0.2 }, tens(2)), options), [])
  })

  it('moves nothing to a draining node, or to one of which nothing is known', () => {
    const draining = input('a', { a: 0.8, b: 0.2 }, tens(8), { b: 'draining' })
    assert.deepEqual(planRebalance(draining, options), [])
  })

  it('lets rest what has just come', () => {
    const fresh = [movable('P/0', 0.1, { sinceMs: 999 })]
    assert.deepEqual(planRebalance(input('a', { a: 0.8, b: 0.2 }, fresh), options), [])
  })

  it('gives what asks for a label to a node that carries it, or to nobody', () => {
    const labelled = tens(8).map((part) => ({ ...part, label: 'gpu' }))
    const { view, ...rest } = input('a', { a: 0.8, b: 0.2, c: 0.1 }, labelled)
    const [a, b, c] = view.members
    assert.ok(a && b && c)
    assert.deepEqual(planRebalance({ ...rest, view }, options), [])
    const carried = { ...view, members: [a, { ...b, labels: ['gpu'] }, c] }
    const targets = planRebalance({ ...rest, view: carried }, options).map(({ target }) => target)
    assert.deepEqual(targets, ['b'])
  })

  it('does not move a piece that would only move the trouble', () => {
    assert.deepEqual(
      planRebalance(input('a', { a: 0.8, b: 0 }, [movable('P/0', 0.8)]), options),
      [],
    )
  })

  it('moves a group as one, or not at all', () => {
    const pair = [movable('P/0', 0.1, { group: 'g' }), movable('P/1', 0.1, { group: 'g' })]
    const both = planRebalance(input('a', { a: 0.8, b: 0.2 }, pair), options)
    assert.deepEqual(
      both.map(({ key }) => key),
      ['P/0', 'P/1'],
    )
    const tooMany = { ...options, movesMax: 1 }
    assert.deepEqual(planRebalance(input('a', { a: 0.8, b: 0.2 }, pair), tooMany), [])
  })
})

const anyLoads = fc
  .array(fc.integer({ min: 0, max: 100 }), { minLength: 2, maxLength: 8 })
  .map((amounts) => Object.fromEntries(amounts.map((amount, i) => [`n${i}`, amount / 50])))

describe('rebalance: any loads, all members at once', () => {
  it('brings nobody above the mean, and nobody below it', () => {
    fc.assert(
      fc.property(anyLoads, fc.integer({ min: 1, max: 40 }), (loads, pieces) => {
        const mean = Object.values(loads).reduce((a, b) => a + b, 0) / Object.keys(loads).length
        const after = { ...loads }
        for (const [self, amount] of Object.entries(loads)) {
          const parts = Array.from({ length: pieces }, (_, i) =>
            movable(`${self}/${i}`, amount / pieces),
          )
          for (const { target } of planRebalance(input(self, loads, parts), options)) {
            after[self] = (after[self] ?? 0) - amount / pieces
            after[target] = (after[target] ?? 0) + amount / pieces
          }
        }
        for (const [nodeId, amount] of Object.entries(after)) {
          const before = loads[nodeId] ?? 0
          assert.ok(amount <= Math.max(before, mean) + 1e-6, `${nodeId}: ${before} → ${amount}`)
          assert.ok(amount >= Math.min(before, mean) - 1e-6, `${nodeId}: ${before} → ${amount}`)
        }
      }),
    )
  })

  it('moves no more than the limit', () => {
    fc.assert(
      fc.property(anyLoads, fc.nat(5), (loads, movesMax) => {
        const moves = planRebalance(input('n0', loads, tens(30)), { ...options, movesMax })
        return moves.length <= movesMax
      }),
    )
  })
})
