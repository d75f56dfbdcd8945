import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noLeak, simulate } from '@epicserver/testkit'
import { defineApp } from 'epicserver'
import { loadGraph, rankGraph, topOf, type Ranking } from '../src/page-rank.ts'
import { randomGraph, type Links } from '../src/random-graph.ts'
import { Vertex } from '../src/vertex.ts'
import { plainPageRank } from './plain-page-rank.ts'

/** Ranks on a simulated cluster of three nodes. */
async function rankOnCluster(links: Links, tolerance: number): Promise<Ranking> {
  const app = defineApp({ entities: { Vertex } })
  let ranking: Ranking | undefined
  await simulate({ app, nodes: 3, seed: 7 }, async (world) => {
    const outcome = await world.call(async ({ Vertex: vertices }) => {
      await loadGraph(vertices, links)
      return await rankGraph(vertices, links.length, { tolerance })
    })
    if (outcome.kind !== 'done') throw outcome.error
    ranking = outcome.value
    await world.check(noLeak)
  })
  assert.ok(ranking !== undefined)
  return ranking
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0)
}

describe('graph: PageRank over entities', () => {
  it('gives each vertex the rank that a loop over arrays gives it, to a billionth', async () => {
    const links = randomGraph({ vertices: 200, seed: 3 })
    assert.ok(links.filter((targets) => targets.length === 0).length > 1)
    const { ranks, supersteps } = await rankOnCluster(links, 1e-6)
    assert.ok(supersteps > 10)
    assert.ok(largestDifference(ranks, plainPageRank(links, supersteps)) < 1e-9)
    const sum = ranks.reduce((total, rank) => total + rank, 0)
    assert.ok(Math.abs(sum - 1) < 1e-9)
  })

  it('finds in a star that its centre ranks highest, by the closed formula', async () => {
    const links = [[], [0], [0], [0], [0]]
    const { ranks } = await rankOnCluster(links, 1e-10)
    // A leaf has b, the centre b + 0.85 × 4b; together they are one.
    const leaf = 1 / (5 + 0.85 * 4)
    assert.ok(Math.abs(ranks[1] - leaf) < 1e-9)
    assert.ok(Math.abs(ranks[0] - leaf * (1 + 0.85 * 4)) < 1e-9)
    assert.deepEqual(
      topOf(ranks, 2).map(({ vertex }) => vertex),
      [0, 1],
    )
  })

  it('says so when a vertex was lost, rather than taking it for a page without links', async () => {
    const app = defineApp({ entities: { Vertex } })
    await simulate({ app, nodes: 3, seed: 11 }, async (world) => {
      const links = randomGraph({ vertices: 60, seed: 1 })
      await world.call(({ Vertex: vertices }) => loadGraph(vertices, links), { on: 'n1' })
      world.crash('n2')
      await world.run({ seconds: 10 })
      const rank = await world.call(
        ({ Vertex: vertices }) => rankGraph(vertices, 60, { tolerance: 1 }),
        { on: 'n1' },
      )
      assert.equal(rank.kind, 'failed')
      assert.match(String('error' in rank && rank.error), /its process ended, load it again/)
    })
  })
})

describe('graph: the random graph', () => {
  it('is the same for the same seed, and another for another', () => {
    const one = randomGraph({ vertices: 300, seed: 1 })
    assert.deepEqual(randomGraph({ vertices: 300, seed: 1 }), one)
    assert.notDeepEqual(randomGraph({ vertices: 300, seed: 2 }), one)
  })

  it('links only to older pages, and to some far more often than to most', () => {
    const links = randomGraph({ vertices: 2_000, seed: 1 })
    const incoming = new Array<number>(2_000).fill(0)
    for (const [page, targets] of links.entries()) {
      for (const target of targets) {
        assert.ok(target < page)
        incoming[target] += 1
      }
    }
    const sorted = incoming.toSorted((a, b) => b - a)
    assert.ok(sorted[0] > 200)
    assert.ok(sorted[1_000] < 5)
  })
})
