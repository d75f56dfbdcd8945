/**
 * The one entity that knows all others: puts agents into the world, lets them live, and counts what
 * they have.
 */
import { Entity, isEpicError, settings } from 'epicserver'
import { Agent } from './agent.ts'

const START_COINS = 20
const START_GRAIN = 10
const HOUR_MS = 3_600_000

/** So many agents are called at once: far less than any queue on the way holds. */
const AT_ONCE = 1_000

export interface Population {
  readonly agents: number
  /** The world's homes lie on a square of so many cells each way. */
  readonly width: number
}

/** What all agents have together. */
export interface Summary {
  readonly agents: number
  readonly coins: number
  readonly grain: number
  /** Purchases that were begun. */
  readonly orders: number
  /** Of those, not settled; their coins are in neither purse. */
  readonly openOrders: number
  readonly richest: number
  /** Inequality of coins: 0 where all have the same, 1 where one has all. */
  readonly gini: number
}

export class World extends Entity {
  static override settings = settings<World>({
    persistent: false,
    operations: {
      populate: { timeoutMs: HOUR_MS },
      live: { timeoutMs: HOUR_MS },
      rest: { timeoutMs: HOUR_MS },
    },
  })

  /** Creates the agents; those that there are from an earlier run stay as they are. */
  async populate({ agents, width }: Population): Promise<void> {
    await forEachId(agents, async (id) => {
      const home = { x: id % width, y: Math.floor(id / width) % width }
      try {
        await this.pool.create(Agent, id, { home, coins: START_COINS, grain: START_GRAIN })
      } catch (error) {
        if (!isEpicError(error) || error.code !== 'AlreadyExists') throw error
      }
    })
  }

  async live(agents: number): Promise<void> {
    await forEachId(agents, (id) => this.ref(Agent, id).live())
  }

  async rest(agents: number): Promise<void> {
    await forEachId(agents, (id) => this.ref(Agent, id).rest())
  }

  /**
   * A query sees what is saved: with agents at rest that is everything, and otherwise each agent at
   * a moment of its own.
   */
  async summary(): Promise<Summary> {
    const rows = await this.pool.query(Agent).select('coins', 'grain', 'orders', 'order')
    const coins = rows.map((row) => row.coins).sort((a, b) => a - b)
    return {
      agents: rows.length,
      coins: sum(coins),
      grain: sum(rows.map((row) => row.grain)),
      orders: sum(rows.map((row) => row.orders)),
      openOrders: rows.filter((row) => row.order !== null).length,
      richest: coins.at(-1) ?? 0,
      gini: giniOf(coins),
    }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}

function giniOf(sorted: readonly number[]): number {
  const weighted = sum(sorted.map((coins, i) => (2 * (i + 1) - sorted.length - 1) * coins))
  return weighted / (sorted.length * sum(sorted))
}

async function forEachId(count: number, visit: (id: number) => Promise<void>): Promise<void> {
  let next = 0
  const walk = async (): Promise<void> => {
    while (next < count) {
      const id = next
      next += 1
      await visit(id)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, walk))
}
