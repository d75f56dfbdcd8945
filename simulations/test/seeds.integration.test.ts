/** A few seeds in each test run, and every seed that ever failed. `npm run simulate` runs more. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { SCENARIOS, scenarioNamed } from '../src/scenarios.ts'

interface FailedSeed {
  readonly scenario: string
  readonly seed: number
  readonly broke: string
  readonly fix: string
}

/** Without faults every seed is much like every other. */
const SEEDS: Readonly<Record<string, number>> = {
  barrels: 1,
  placement: 8,
  topics: 8,
}
const SEEDS_OTHERWISE = 20
const failed = JSON.parse(
  readFileSync(new URL('../../seeds.json', import.meta.url), 'utf8'),
) as FailedSeed[]

for (const scenario of SCENARIOS) {
  const seeds = SEEDS[scenario.name] ?? SEEDS_OTHERWISE
  describe(`simulation of ${scenario.name}`, () => {
    it(`keeps every promise, seeds 1 to ${seeds}`, async () => {
      for (let seed = 1; seed <= seeds; seed += 1) await scenario.run({ seed, mutations: [] })
    })

    it('is the same world for the same seed', async () => {
      const [first, second] = [
        await scenario.run({ seed: 2, mutations: [] }),
        await scenario.run({ seed: 2, mutations: [] }),
      ]
      assert.equal(first.traceHash, second.traceHash)
    })
  })
}

describe('a seed that once failed', () => {
  for (const { scenario, seed, broke } of failed) {
    it(`holds: ${scenario} ${seed}, where ${broke}`, async () => {
      await scenarioNamed(scenario).run({ seed, mutations: [] })
    })
  }
})
