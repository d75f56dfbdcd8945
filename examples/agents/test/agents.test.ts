import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  noLeak,
  nothingAcknowledgedLost,
  simulate,
  singleActivation,
  type World as SimulatedWorld,
} from '@epicserver/testkit'
import { defineApp, idOf, type Pool } from 'epicserver'
import { Agent } from '../src/agent.ts'
import { Cell } from '../src/cell.ts'
import { World, type Summary } from '../src/world.ts'

const AGENTS = 40
const app = defineApp({ entities: { Agent, Cell, World } })

type Classes = typeof app.entities
type Simulated = SimulatedWorld<Classes>

/** Does something as a client would that asks again until it is told that it is done. */
async function until<T>(world: Simulated, use: (pool: Pool<Classes>) => Promise<T>): Promise<T> {
  for (;;) {
    const outcome = await world.call(use)
    if (outcome.kind === 'done') return outcome.value
    if (world.now > 3_600_000) throw outcome.error
    await world.run({ seconds: 1 })
  }
}

async function begin(world: Simulated): Promise<void> {
  await until(world, (pool) => pool.singleton(World).populate({ agents: AGENTS, width: 3 }))
  await until(world, (pool) => pool.singleton(World).live(AGENTS))
}

async function end(world: Simulated): Promise<Summary> {
  await until(world, (pool) => pool.singleton(World).rest(AGENTS))
  return await until(world, (pool) => pool.singleton(World).summary())
}

function assertConserved({ agents, coins, grain, openOrders }: Summary): void {
  assert.deepEqual(
    { agents, coins, grain, openOrders },
    { agents: AGENTS, coins: 20 * AGENTS, grain: 10 * AGENTS, openOrders: 0 },
  )
}

describe('agents', () => {
  it('walk, meet and trade, and have as much together at the end as at the beginning', async () => {
    await simulate({ app, nodes: 3, seed: 1 }, async (world) => {
      await begin(world)
      await world.run({ minutes: 2 })
      const summary = await end(world)
      assertConserved(summary)
      assert.ok(summary.orders > 5 * AGENTS)
      assert.ok(summary.gini > 0)
      await world.check(singleActivation, nothingAcknowledgedLost, noLeak)
    })
  })

  for (const seed of [1, 2, 3, 4, 5]) {
    it(`lose no coin and no grain, whatever crashes or stops whenever (seed ${seed})`, async () => {
      await simulate({ app, nodes: 3, seed, faults: 'drawn' }, async (world) => {
        await begin(world)
        await world.run({ minutes: 2 })
        world.heal()
        assertConserved(await end(world))
        await world.check(singleActivation, nothingAcknowledgedLost)
      })
    })
  }

  it('go on living after their process has ended, woken by their tasks', async () => {
    await simulate({ app, nodes: 3, seed: 9 }, async (world) => {
      await begin(world)
      await world.run({ seconds: 30 })
      world.crash('n2')
      await world.run({ minutes: 2 })
      const before = await until(world, (pool) => pool.singleton(World).summary())
      await world.run({ minutes: 1 })
      const after = await until(world, (pool) => pool.singleton(World).summary())
      assert.ok(after.orders > before.orders + AGENTS)
    })
  })

  it('carry an order out once, however often they are asked', async () => {
    await simulate({ app, nodes: 1, seed: 1 }, async (world) => {
      const said = await until(world, async (pool) => {
        const seller = await pool.create(Agent, 'seller', { grain: 5 })
        const buyer = pool.ref(Agent, 'buyer')
        const order = { number: 1, seller, price: 3 }
        return [await seller.sell(order, buyer), await seller.sell(order, buyer)]
      })
      assert.deepEqual(said, [true, true])
      const { coins, grain } = await until(world, (pool) => pool.singleton(World).summary())
      assert.deepEqual({ coins, grain }, { coins: 3, grain: 4 })
    })
  })

  it('are forgotten by a cell that they never left', async () => {
    await simulate({ app, nodes: 1, seed: 1 }, async (world) => {
      const meet = (name: string): Promise<string> =>
        until(world, async (pool) => {
          const met = await pool.Cell['0,0'].enter(pool.ref(Agent, name))
          return met === null ? 'nobody' : idOf(met)
        })
      assert.equal(await meet('ann'), 'nobody')
      await world.run({ seconds: 20 })
      assert.equal(await meet('bob'), 'ann')
      await world.run({ seconds: 20 })
      assert.equal(await meet('cid'), 'bob')
    })
  })
})
