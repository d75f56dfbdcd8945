import assert from 'node:assert/strict'
import { it } from 'node:test'
import { RunningExample } from '../../running-example.ts'

it('barrels: runs as it stands in the README, and stops in good order', async (context) => {
  const example = await RunningExample.start(context, 'barrels')
  await example.printed(/^New high score for player: 0$/)
  const complaints = example.lines.filter((line) => line === 'What, did you expect me to explode?')
  assert.equal(complaints.length, 30)
  const answer = await example.app.ask({
    ask: 'call',
    type: 'Barrel',
    id: '7',
    operation: 'onHit',
    args: [],
  })
  assert.deepEqual(answer, { ok: true, value: false })
  assert.deepEqual(await example.app.stop(), { code: 0, signal: null })
})
