import assert from 'node:assert/strict'
import { it } from 'node:test'
import { noLeak, simulate, singleActivation } from '@epicserver/testkit'
import app from '../src/app.ts'

it('barrels: none of the thirty explodes, and the slayer goes home without a score', async () => {
  const trace: string[] = []
  const options = { app, nodes: 3, seed: 1, print: (line: string) => trace.push(line) }
  await simulate(options, async (world) => {
    const score = await world.call((pool) => {
      return pool.Player['Bob: Slayer of armoured cylinders'].getScore()
    })
    assert.deepEqual(score, { kind: 'done', value: 0 })
    await world.check(singleActivation, noLeak)
  })
  const printed = (text: string): number => trace.filter((line) => line.endsWith(text)).length
  assert.equal(printed('What, did you expect me to explode?'), 30)
  assert.equal(printed('New high score for player: 0'), 1)
})
