import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defineApp } from '@epicserver/runtime'
import { simulate } from '@epicserver/testkit'
import { World } from '#src/world.ts'

describe('faults', () => {
  it('of several steps take none of them once the world was healed', async () => {
    await simulate({ app: defineApp({ entities: {} }), nodes: 2, seed: 1 }, async (world) => {
      const { network } = World.inside(world)
      world.begin('flapping', { host: 'n2', duration: { seconds: 6 } })
      world.heal()
      for (let i = 0; i < 600; i += 1) {
        await world.run({ ms: 10 })
        assert.equal(network.isCut('n1', 'n2'), false)
      }
    })
  })

  it('of several steps take them until then', async () => {
    await simulate({ app: defineApp({ entities: {} }), nodes: 2, seed: 1 }, async (world) => {
      const { network } = World.inside(world)
      world.begin('flapping', { host: 'n2', duration: { seconds: 2 } })
      let wasCut = 0
      for (let i = 0; i < 200; i += 1) {
        await world.run({ ms: 10 })
        if (network.isCut('n1', 'n2')) wasCut += 1
      }
      assert.ok(wasCut > 0 && wasCut < 200)
    })
  })
})
