import assert from 'node:assert/strict'
import { it } from 'node:test'
import { RunningExample } from '../../running-example.ts'
import { topOf } from '../src/page-rank.ts'
import { randomGraph } from '../src/random-graph.ts'
import { plainPageRank } from './plain-page-rank.ts'

const VERTICES = 1_000

it('graph: prints the ten highest, as a loop over arrays finds them', async (context) => {
  process.env['VERTICES'] = String(VERTICES)
  const example = await RunningExample.start(context, 'graph')
  const [, supersteps] = await example.printed(/^ranked in (\d+) supersteps/)
  const ranks = plainPageRank(randomGraph({ vertices: VERTICES, seed: 1 }), Number(supersteps))
  for (const { vertex, rank } of topOf(ranks, 10)) {
    await example.printed(new RegExp(`^  ${rank.toFixed(6)}  Vertex/${vertex}$`))
  }
  assert.equal(example.lines.filter((line) => / {2}Vertex\//.test(line)).length, 10)
})
