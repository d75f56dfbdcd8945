/** Rebalancing and locality work against each other by nature; together they have to come to rest. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  addLoads,
  DEFAULT_LOCALITY,
  DEFAULT_REBALANCE,
  NO_LOAD,
  planLocality,
  planRebalance,
} from '@epicserver/fabric'
import type { Load, Movable, PlannedMove, Talk } from '@epicserver/fabric'
import { member } from './members.ts'

/** In so many rounds each of up to five nodes has had its turn with each. */
const TURNS = 10

interface World {
  readonly nodes: readonly string[]
  /** Of one core, by the entity's number. */
  readonly cpu: readonly number[]
  readonly talks: readonly { readonly from: number; readonly to: number; readonly rate: number }[]
}

/** What all nodes do in a round, each by what holds at its beginning. */
function movesOf(
  { nodes, cpu, talks }: World,
  places: readonly string[],
  round: number,
): PlannedMove[] {
  const members = nodes.map((nodeId) => member(nodeId))
  const view = { viewNo: 1, members, owner: [], partitionEpoch: [] }
  const load = (amount: number): Load => ({ cpu: amount, bytes: 0, messages: 0, entities: 1 })
  const at = (nodeId: string): number[] =>
    [...cpu.keys()].filter((entity) => places[entity] === nodeId)
  const loads = new Map(
    nodes.map((nodeId) => [
      nodeId,
      at(nodeId).reduce((sum, entity) => addLoads(sum, load(cpu[entity] ?? 0)), NO_LOAD),
    ]),
  )
  return nodes.flatMap((self) => {
    const movables = at(self).map((entity): Movable => ({
      key: `${entity}`,
      load: load(cpu[entity] ?? 0),
      sinceMs: 1e9,
    }))
    const relief = planRebalance({ self, view, loads, movables }, DEFAULT_REBALANCE)
    if (relief.length > 0) return relief
    const both = talks.flatMap(({ from, to, rate }) => [
      { one: from, other: to, rate },
      { one: to, other: from, rate },
    ])
    const known = both
      .filter(({ one, other }) => one !== other && places[one] === self)
      .map(({ one, other, rate }): Talk => {
        return { key: `${one}`, with: `${other}`, at: places[other] ?? '', rate }
      })
    return planLocality({ self, view, loads, movables, talks: known, round }, DEFAULT_LOCALITY)
  })
}

const world: fc.Arbitrary<World> = fc.integer({ min: 1, max: 12 }).chain((count) =>
  fc.record({
    nodes: fc.integer({ min: 2, max: 5 }).map((size) => ['a', 'b', 'c', 'd', 'e'].slice(0, size)),
    cpu: fc.array(
      fc.integer({ min: 0, max: 40 }).map((percent) => percent / 100),
      { minLength: count, maxLength: count },
    ),
    talks: fc.array(
      fc.record({
        from: fc.nat(count - 1),
        to: fc.nat(count - 1),
        rate: fc.integer({ min: 0, max: 5_000 }),
      }),
      { maxLength: 20 },
    ),
  }),
)

describe('rebalance and locality together', () => {
  it('come to rest, whatever works and whoever talks with whom', () => {
    fc.assert(
      fc.property(world, fc.array(fc.nat(4), { maxLength: 12 }), (what, begin) => {
        const places = what.cpu.map((_, entity) => what.nodes[begin[entity] ?? 0] ?? 'a')
        let restingRounds = 0
        for (let round = 0; round < 200 && restingRounds < TURNS; round += 1) {
          const moves = movesOf(what, places, round)
          for (const { key, target } of moves) places[Number(key)] = target
          restingRounds = moves.length === 0 ? restingRounds + 1 : 0
        }
        assert.equal(restingRounds, TURNS, `still moving after 200 rounds: ${places.join(' ')}`)
      }),
      { numRuns: 300 },
    )
  })
})
