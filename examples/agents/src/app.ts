/**
 * Lets `AGENTS` agents live for `SECONDS`, then counts what they have (10,000 and 30 unless the
 * environment says otherwise).
 */
import { defineApp } from 'epicserver'
import { Agent } from './agent.ts'
import { Cell } from './cell.ts'
import { World } from './world.ts'

const agents = Number(process.env['AGENTS'] ?? 10_000)
const seconds = Number(process.env['SECONDS'] ?? 30)
const width = Math.ceil(Math.sqrt(agents / 4)) // four to a cell

export default defineApp({
  entities: { Agent, Cell, World },
  async setup(pool) {
    const world = pool.singleton(World)
    await world.populate({ agents, width })
    console.log(`${agents} agents live on ${width} × ${width} cells`)
    await world.live(agents)
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    await world.rest(agents)
    const { coins, grain, orders, openOrders, richest, gini } = await world.summary()
    console.log(`after ${seconds} s: ${orders} orders, ${openOrders} of them open`)
    console.log(`all have together ${coins} coins and ${grain} sacks of grain, as at the beginning`)
    console.log(`the richest has ${richest} coins; inequality (Gini) ${gini.toFixed(3)}`)
  },
})
