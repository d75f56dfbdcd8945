import { Entity, defineApp, type Ref } from 'epicserver'

class GameEntity extends Entity {}

export class Player extends GameEntity {
  score = 0

  async enterLevel(barrels: Ref<Barrel>[]): Promise<void> {
    for (const barrel of barrels) if (await barrel.onHit()) this.score += 1
  }

  async getScore(): Promise<number> {
    return this.score
  }
}

export class Barrel extends GameEntity {
  team = 'Society for the prevention of cruelty to barrels'

  async onHit(): Promise<boolean> {
    console.log('What, did you expect me to explode?')
    return false
  }
}

export default defineApp({
  entities: { Player, Barrel },
  async setup(pool) {
    const barrels = Array.from({ length: 30 }, (_, i) => pool.Barrel[i])
    const player = pool.Player['Bob: Slayer of armoured cylinders']
    await player.enterLevel(barrels)
    console.log(`New high score for player: ${await player.getScore()}`)
  },
})
