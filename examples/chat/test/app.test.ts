import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noLeak, simulate, type World } from '@epicserver/testkit'
import { defineApp, type Pool } from 'epicserver'
import { Person } from '../src/person.ts'

type Classes = { Person: typeof Person }
const app = defineApp({ entities: { Person } })

async function does<T>(
  world: World<Classes>,
  use: (pool: Pool<Classes>) => Promise<T>,
): Promise<T> {
  const outcome = await world.call(use)
  if (outcome.kind !== 'done') throw outcome.error
  return outcome.value
}

describe('chat', () => {
  it('whoever entered hears, whoever lurks hears what is meant for them, on three nodes', async () => {
    await simulate({ app, nodes: 3, seed: 1 }, async (world) => {
      await does(world, (pool) => pool.Person['ann'].enter('lobby'))
      await does(world, (pool) => pool.Person['cat'].lurk('lobby'))
      await does(world, (pool) => pool.Person['ann'].say('lobby', 'hello'))
      await does(world, (pool) => pool.Person['ann'].say('lobby', 'where is @cat?'))
      await world.run({ seconds: 1 })
      const heard = await does(world, (pool) => pool.Person['ann'].last())
      assert.deepEqual(heard, ['lobby ann: hello', 'lobby ann: where is @cat?'])
      const lurked = await does(world, (pool) => pool.Person['cat'].last())
      assert.deepEqual(lurked, ['lobby ann: where is @cat?'])
      await world.check(noLeak)
    })
  })

  it('the room is the same after each node has crashed once', async () => {
    await simulate({ app, nodes: 3, seed: 2 }, async (world) => {
      const people = Array.from({ length: 20 }, (_, i) => `p${i}`)
      for (const id of people) await does(world, (pool) => pool.Person[id].enter('lobby'))
      for (const host of world.hosts) {
        world.crash(host)
        await world.run({ seconds: 10 })
        world.restart(host)
        await world.run({ seconds: 10 })
      }
      await does(world, (pool) => pool.Person['p0'].say('lobby', 'all here?'))
      await world.run({ seconds: 1 })
      for (const id of people) {
        const heard = await does(world, (pool) => pool.Person[id].last())
        assert.deepEqual(heard, ['lobby p0: all here?'], id)
      }
    })
  })

  it('who is not in the room says nothing there', async () => {
    await simulate({ app, nodes: 1, seed: 3 }, async (world) => {
      await does(world, (pool) => pool.Person['ann'].enter('lobby'))
      const said = does(world, (pool) => pool.Person['eve'].say('lobby', 'boo'))
      await assert.rejects(said, /eve is not in lobby/)
      await world.run({ seconds: 1 })
      assert.deepEqual(await does(world, (pool) => pool.Person['ann'].last()), [])
    })
  })
})
