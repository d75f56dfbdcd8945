import assert from 'node:assert/strict'
import { it } from 'node:test'
import { RunningExample } from '../../running-example.ts'

it('agents: have as much together at the end as at the beginning', async (context) => {
  process.env['AGENTS'] = '100'
  process.env['SECONDS'] = '10'
  const example = await RunningExample.start(context, 'agents')
  const [, orders] = await example.printed(/^after 10 s: (\d+) orders, 0 of them open$/)
  assert.ok(Number(orders) > 0)
  await example.printed(/^all have together 2000 coins and 1000 sacks of grain/)
})
