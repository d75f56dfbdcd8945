/**
 * Ranks a graph of `VERTICES` pages (100,000 unless the environment says otherwise) and prints the
 * ten highest.
 */
import { defineApp } from 'epicserver'
import { loadGraph, rankGraph, topOf } from './page-rank.ts'
import { randomGraph } from './random-graph.ts'
import { Vertex } from './vertex.ts'

const vertices = Number(process.env['VERTICES'] ?? 100_000)

export default defineApp({
  entities: { Vertex },
  async setup(pool) {
    const startedAt = performance.now()
    const seconds = (): string => ((performance.now() - startedAt) / 1000).toFixed(1)
    const links = randomGraph({ vertices, seed: 1 })
    const linkCount = links.reduce((sum, each) => sum + each.length, 0)
    await loadGraph(pool.Vertex, links)
    console.log(`${vertices} vertices with ${linkCount} links are loaded after ${seconds()} s`)

    const { ranks, supersteps } = await rankGraph(pool.Vertex, vertices, {
      tolerance: 1e-6,
      onSuperstep: (superstep, change) =>
        console.log(
          `superstep ${superstep}: changed by ${change.toExponential(1)}, ${seconds()} s`,
        ),
    })
    console.log(`ranked in ${supersteps} supersteps, ${seconds()} s in all; the ten highest:`)
    for (const { vertex, rank } of topOf(ranks, 10))
      console.log(`  ${rank.toFixed(6)}  Vertex/${vertex}`)
  },
})
