/** PageRank over vertices that are entities: loads them, and leads them through the supersteps. */
import type { PoolIndex, Ref } from 'epicserver'
import type { Links } from './random-graph.ts'
import type { Vertex } from './vertex.ts'

/** The part of its rank that a page passes on; the rest is spread over all. */
export const DAMPING = 0.85

export interface Ranking {
  readonly ranks: Float64Array
  readonly supersteps: number
}

export interface RankOptions {
  /** Ends when a superstep changed all ranks together by less than this. */
  readonly tolerance: number
  readonly onSuperstep?: (superstep: number, change: number) => void
}

/**
 * So many vertices are worked on at once: enough to keep every process busy, few enough to hold no
 * memory worth speaking of.
 */
const AT_ONCE = 2_000

export async function loadGraph(vertices: PoolIndex<Vertex>, links: Links): Promise<void> {
  await forEachVertex(links.length, async (i) => {
    const targets: Ref<Vertex>[] = links[i].map((target) => vertices[target])
    await vertices[i].load(targets, 1 / links.length)
  })
}

export async function rankGraph(
  vertices: PoolIndex<Vertex>,
  count: number,
  { tolerance, onSuperstep }: RankOptions,
): Promise<Ranking> {
  const ranks = new Float64Array(count).fill(1 / count)
  for (let superstep = 0; ; superstep += 1) {
    let left = 0
    await forEachVertex(count, async (i) => {
      const notHandedOut = await vertices[i].scatter(superstep)
      left += notHandedOut // not `left += await …`, which reads `left` before it waits
    })
    // What pages without links could not hand out goes to all alike.
    const base = (1 - DAMPING + DAMPING * left) / count
    let change = 0
    await forEachVertex(count, async (i) => {
      const rank = await vertices[i].gather(superstep, base, DAMPING)
      change += Math.abs(rank - ranks[i])
      ranks[i] = rank
    })
    onSuperstep?.(superstep + 1, change)
    if (change < tolerance) return { ranks, supersteps: superstep + 1 }
  }
}

/** The highest ranks, with their vertices. */
export function topOf(ranks: Float64Array, count: number): { vertex: number; rank: number }[] {
  const all = Array.from(ranks, (rank, vertex) => ({ vertex, rank }))
  return all.sort((a, b) => b.rank - a.rank || a.vertex - b.vertex).slice(0, count)
}

/** Visits all vertices, `AT_ONCE` at a time, and resolves when the last visit is over. */
async function forEachVertex(count: number, visit: (i: number) => Promise<void>): Promise<void> {
  let next = 0
  const walk = async (): Promise<void> => {
    while (next < count) {
      const i = next
      next += 1
      await visit(i)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, walk))
}
