/** The simulation in small: 20 seeds, and each mutation found. `simulation/main.ts` runs more. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { simulate } from './simulation/world.ts'
import type { RunOptions } from './simulation/world.ts'

const MUTATIONS: readonly NonNullable<RunOptions['mutation']>[] = [
  'noSelfFence',
  'deadlineFromResponse',
  'noWedge',
  'installedBeforeStopped',
  'waitsNotPruned',
  'clockStandsStill',
  'shortGapsIgnored',
  'noStoreEpoch',
  'dedupApart',
  'leasesRevive',
  'memoryKeptAfterUnknown',
  'termsIgnored',
  'reportsIgnored',
  'lateGrantsTaken',
  'startsBeforeCommit',
  'resumesUnasked',
]
/** Some are found by one seed in several hundred. */
const SEEDS_PER_MUTATION = 1_000

/** Seeds that once failed, and what they found. */
const ONCE_FAILED = [
  { seed: 720595, found: 'a late transfer brought back what had lived and ended' },
]

const replay = (seed: number, mutation = ''): string =>
  `replay: node packages/fabric/dist-test/simulation/main.js --seeds 1 --from ${seed} --trace yes${mutation}`

describe('simulation of ownership and movement', () => {
  it('holds all invariants for 20 seeds', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const { violation } = simulate({ seed })
      assert.equal(violation, undefined, `${violation?.message}; ${replay(seed)}`)
    }
  })

  for (const { seed, found } of ONCE_FAILED) {
    it(`holds all invariants where once ${found}`, () => {
      const { violation } = simulate({ seed })
      assert.equal(violation, undefined, `${violation?.message}; ${replay(seed)}`)
    })
  }

  it('is the same world for the same seed', () => {
    assert.deepEqual(simulate({ seed: 3 }), simulate({ seed: 3 }))
  })

  for (const mutation of MUTATIONS) {
    it(`finds the mutation ${mutation}`, () => {
      for (let seed = 1; seed <= SEEDS_PER_MUTATION; seed += 1) {
        if (simulate({ seed, mutation }).violation !== undefined) return
      }
      assert.fail(`no seed found it; ${replay(1, ` --mutation ${mutation}`)}`)
    })
  }
})
