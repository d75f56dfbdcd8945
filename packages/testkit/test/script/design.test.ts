/** The script of the design, word for word. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Entity, type Ref } from '@epicserver/runtime'
import { ref, script } from '@epicserver/testkit'

class Barrel extends Entity {
  async onHit(): Promise<boolean> {
    return false
  }
}

class Player extends Entity {
  score = 0
  async enterLevel(barrels: readonly Ref<Barrel>[]): Promise<void> {
    for (const barrel of barrels) if (await barrel.onHit()) this.score += 1
  }
}

const barrel1 = ref(Barrel, 1)
const barrel2 = ref(Barrel, 2)

test('script: a player enters a level', async () => {
  const player = script(Player, 'bob')
  const turn = player.call('enterLevel', [barrel1, barrel2])
  await turn.expectCall(barrel1, 'onHit').reply(true)
  await turn.expectCall(barrel2, 'onHit').reply(false)
  await turn.expectReply(undefined)
  assert.equal(player.state.score, 1)
})
