/** The README's app for ten minutes: how much faster than real time a quiet cluster is simulated. */
import { defineApp, Entity, type Ref } from 'epicserver'
import {
  converges,
  everyCallAnswered,
  noLeak,
  nothingAcknowledgedLost,
  simulate,
  singleActivation,
} from '@epicserver/testkit'
import { replayCommand, type Scenario } from './scenario.ts'

class Player extends Entity {
  score = 0
  async enterLevel(barrels: readonly Ref<Barrel>[]): Promise<void> {
    for (const barrel of barrels) if (await barrel.onHit()) this.score += 1
  }
  async getScore(): Promise<number> {
    return this.score
  }
}

class Barrel extends Entity {
  team = 'Society for the prevention of cruelty to barrels'
  async onHit(): Promise<boolean> {
    console.log('What, did you expect me to explode?')
    return false
  }
}

const app = defineApp({
  entities: { Player, Barrel },
  async setup(pool) {
    const barrels = Array.from({ length: 30 }, (_, i) => pool.Barrel[i]!)
    const player = pool.Player['Bob: Slayer of armoured cylinders']!
    await player.enterLevel(barrels)
    console.log(`New high score for player: ${await player.getScore()}`)
  },
})

/** A level each ten seconds, as a player of some stamina has it. */
const LEVEL_MS = 10_000
const LEVELS = 60

export const barrels: Scenario = {
  name: 'barrels',
  summary: 'the app of the README on four nodes for ten minutes, without faults',
  run: ({ seed, ...options }) =>
    simulate(
      { app, nodes: 4, seed, replay: replayCommand('barrels', seed), ...options },
      async (world) => {
        for (let level = 0; level < LEVELS; level += 1) {
          const outcome = await world.call((pool) => {
            return pool.Player[`player ${level % 5}`]!.enterLevel(
              Array.from({ length: 30 }, (_, i) => pool.Barrel[i]!),
            )
          })
          if (outcome.kind !== 'done') throw outcome.error
          await world.run({ ms: LEVEL_MS })
        }
        await world.check(
          singleActivation,
          nothingAcknowledgedLost,
          everyCallAnswered,
          noLeak,
          converges,
        )
      },
    ),
}
