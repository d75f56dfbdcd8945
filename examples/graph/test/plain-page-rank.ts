/** PageRank as a loop over arrays, to compare with. */
import { DAMPING } from '../src/page-rank.ts'
import type { Links } from '../src/random-graph.ts'

export function plainPageRank(links: Links, supersteps: number): Float64Array {
  const count = links.length
  let ranks: Float64Array = new Float64Array(count).fill(1 / count)
  for (let i = 0; i < supersteps; i += 1) ranks = step(links, ranks)
  return ranks
}

function step(links: Links, ranks: Float64Array): Float64Array {
  const received = new Float64Array(ranks.length)
  let left = 0
  for (const [page, targets] of links.entries()) {
    if (targets.length === 0) left += ranks[page]
    for (const target of targets) received[target] += ranks[page] / targets.length
  }
  const base = (1 - DAMPING + DAMPING * left) / ranks.length
  return received.map((sum) => base + DAMPING * sum)
}
