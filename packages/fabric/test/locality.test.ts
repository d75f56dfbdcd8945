import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DEFAULT_LOCALITY, planLocality } from '@epicserver/fabric'
import type {
  Load,
  LocalityInput,
  LocalityOptions,
  Movable,
  PlannedMove,
  Talk,
} from '@epicserver/fabric'
import { member } from './members.ts'

const options = {
  ...DEFAULT_LOCALITY,
  capacity: { cpu: 1, bytes: Infinity, messages: Infinity },
  slack: 1,
  scoreMin: 0,
  gainMin: 10,
  restMs: 60_000,
}
const load = (cpu: number): Load => ({ cpu, bytes: 0, messages: 0, entities: 1 })
const movable = (key: string, more: Partial<Movable> = {}): Movable => ({
  key,
  load: load(0.01),
  sinceMs: 600_000,
  ...more,
})
const talk = (key: string, other: string, at: string, rate: number): Talk => ({
  key,
  with: other,
  at,
  rate,
})

/** What node a does in a round in which it may move towards b; in the fourth it may move towards c. */
function plan(
  movables: Movable[],
  talks: Talk[],
  more: Partial<LocalityInput> = {},
  how: LocalityOptions = options,
): PlannedMove[] {
  return planLocality(
    {
      self: 'a',
      view: {
        viewNo: 1,
        members: [member('a'), member('b'), member('c', { labels: ['gpu'] })],
        owner: [],
        partitionEpoch: [],
      },
      loads: new Map([
        ['a', load(0.5)],
        ['b', load(0.5)],
        ['c', load(0.5)],
      ]),
      movables,
      talks,
      round: 2,
      ...more,
    },
    how,
  )
}

describe('locality', () => {
  it('moves an entity to where its partners are', () => {
    const talks = [talk('P/1', 'Q/1', 'b', 60), talk('P/1', 'Q/2', 'c', 20)]
    assert.deepEqual(plan([movable('P/1')], talks), [{ key: 'P/1', target: 'b' }])
  })

  it('leaves an entity that talks as much at home, or hardly more elsewhere', () => {
    const talks = [talk('P/1', 'Q/1', 'b', 60), talk('P/1', 'Q/2', 'a', 45)]
    assert.deepEqual(plan([movable('P/1')], talks), [])
  })

  it('leaves an entity whose talk is not worth a move', () => {
    assert.deepEqual(plan([movable('P/1')], [talk('P/1', 'Q/1', 'b', 9)]), [])
  })

  it('leaves an entity that has just come', () => {
    const fresh = movable('P/1', { sinceMs: 59_999 })
    assert.deepEqual(plan([fresh], [talk('P/1', 'Q/1', 'b', 60)]), [])
  })

  it('takes along those who follow', () => {
    const talks = [
      talk('P/1', 'Q/1', 'b', 100),
      talk('P/1', 'P/2', 'a', 40),
      talk('P/2', 'P/1', 'a', 40),
    ]
    assert.deepEqual(plan([movable('P/1'), movable('P/2')], talks), [
      { key: 'P/1', target: 'b' },
      { key: 'P/2', target: 'b' },
    ])
  })

  it('moves a group by what it says together, whatever its members say to each other', () => {
    const group = [movable('P/1', { group: 'g' }), movable('P/2', { group: 'g' })]
    const talks = [
      talk('P/1', 'P/2', 'a', 1_000),
      talk('P/1', 'Q/1', 'b', 6),
      talk('P/2', 'Q/1', 'b', 6),
    ]
    assert.deepEqual(
      plan(group, talks).map(({ key }) => key),
      ['P/1', 'P/2'],
    )
  })

  it('in a round moves from or to a node, never both; in some round from each to each', () => {
    for (const count of [2, 3, 4, 5, 8, 9]) {
      const ids = Array.from({ length: count }, (_, i) => `n${i}`)
      const members = ids.map((nodeId) => member(nodeId))
      const view = { viewNo: 1, members, owner: [], partitionEpoch: [] }
      const loads = new Map(ids.map((nodeId) => [nodeId, load(0.5)]))
      const seen = new Set<string>()
      for (let round = 0; round < 2 * count; round += 1) {
        const moves = ids.flatMap((self) => {
          const others = ids.filter((nodeId) => nodeId !== self)
          const talks = others.map((nodeId) => talk(nodeId, `Q/${nodeId}`, nodeId, 60))
          const movables = others.map((nodeId) => movable(nodeId))
          const planned = plan(movables, talks, { self, view, loads, round })
          return planned.map(({ target }) => [self, target])
        })
        assert.equal(new Set(moves.flat()).size, 2 * moves.length, `round ${round}`)
        for (const move of moves) seen.add(move.join(' to '))
      }
      assert.equal(seen.size, count * (count - 1), `of ${count} nodes`)
    }
  })

  it('does not overfill the target', () => {
    const loads = new Map([
      ['a', load(0.1)],
      ['b', load(0.5)],
      ['c', load(0)],
    ])
    assert.deepEqual(plan([movable('P/1')], [talk('P/1', 'Q/1', 'b', 60)], { loads }), [])
  })

  it('may fill a node that is well, whatever the mean is', () => {
    const loads = new Map([
      ['a', load(0.01)],
      ['b', load(0.01)],
      ['c', load(0)],
    ])
    const talks = [talk('P/1', 'Q/1', 'b', 60)]
    assert.deepEqual(plan([movable('P/1')], talks, { loads }), [])
    const moves = plan([movable('P/1')], talks, { loads }, { ...options, scoreMin: 0.3 })
    assert.deepEqual(moves, [{ key: 'P/1', target: 'b' }])
  })

  it('moves what asks for a label only to a node that carries it', () => {
    const talks = [talk('P/1', 'Q/1', 'b', 60), talk('P/2', 'Q/2', 'c', 60)]
    const labelled = [movable('P/1', { label: 'gpu' }), movable('P/2', { label: 'gpu' })]
    assert.deepEqual(plan(labelled, talks), [])
    assert.deepEqual(plan(labelled, talks, { round: 4 }), [{ key: 'P/2', target: 'c' }])
  })

  it('lets two friends not change places', () => {
    const fromA = [talk('P/1', 'Q/1', 'b', 60)]
    const fromB = [talk('Q/1', 'P/1', 'a', 60)]
    const rounds = [2, 3].map((round) => [
      plan([movable('P/1')], fromA, { round }).length,
      plan([movable('Q/1')], fromB, { self: 'b', round }).length,
    ])
    assert.deepEqual(rounds, [
      [1, 0],
      [0, 1],
    ])
  })
})

describe('locality: any talk', () => {
  const anyTalks = fc.array(
    fc.record(
      {
        key: fc.constantFrom('P/1', 'P/2', 'P/3', 'P/4'),
        with: fc.constantFrom('P/1', 'P/2', 'P/3', 'P/4', 'Q/1', 'Q/2'),
        rate: fc.nat(100),
      },
      { noNullPrototype: true },
    ),
    { maxLength: 12 },
  )
  const placeOf = (key: string): string => (key === 'Q/1' ? 'b' : key === 'Q/2' ? 'c' : 'a')

  it('is cut by the plan, never increased', () => {
    fc.assert(
      fc.property(anyTalks, (samples) => {
        const links = samples.filter((sample) => sample.key !== sample.with)
        const talks = links.flatMap((link) => [
          { ...link, at: placeOf(link.with) },
          { key: link.with, with: link.key, at: placeOf(link.key), rate: link.rate },
        ])
        const moves = new Map(
          plan(
            ['P/1', 'P/2', 'P/3', 'P/4'].map((key) => movable(key)),
            talks,
          ).map((move) => [move.key, move.target]),
        )
        const after = (key: string): string => moves.get(key) ?? placeOf(key)
        const cut = (place: (key: string) => string): number =>
          links.reduce(
            (sum, link) => sum + (place(link.key) === place(link.with) ? 0 : link.rate),
            0,
          )
        assert.ok(cut(after) <= cut(placeOf) - moves.size * options.gainMin)
      }),
    )
  })
})
