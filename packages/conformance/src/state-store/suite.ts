/**
 * The conformance suite of the `StateStore` port: every provider passes it.
 *
 * Each case has a store of its own with nothing in it. What a provider cannot do in a test is skipped by name with the reason, so
 * that a report tells what was not shown.
 */
import { describe, it } from 'node:test'
import { claimCases } from './claim-cases.ts'
import { concurrencyCases } from './concurrency-cases.ts'
import { durabilityCases } from './durability-cases.ts'
import { Ground, MissingFacility } from './ground.ts'
import type { StateCases } from './ground.ts'
import type { StateStoreHarness, StateStoreSuiteOptions } from './harness.ts'
import { indexCases } from './index-cases.ts'
import { modelCases } from './model-cases.ts'
import { pagingCases } from './paging-cases.ts'
import { refusalCases } from './refusal-cases.ts'
import { removeCases } from './remove-cases.ts'
import { scanCases } from './scan-cases.ts'
import { startedWriteCases } from './started-write-cases.ts'
import { taskCases } from './task-cases.ts'
import { writeCases } from './write-cases.ts'

/** A case that takes longer waits for something that will not come. */
const CASE_MS_MAX = 60_000

/**
 * Describes what a state store must do, as tests of `node:test`.
 * @example
 * describeStateStore('MemoryStateStore', async () => ({ store: new MemoryStateStore(), close: async () => undefined }))
 */
export function describeStateStore(
  name: string,
  open: () => Promise<StateStoreHarness>,
  options: StateStoreSuiteOptions = {},
): void {
  describe(name, { skip: options.skip ?? false }, () => {
    describeCases('claim', claimCases, open)
    describeCases('write', writeCases, open)
    describeCases('started writes', startedWriteCases, open)
    describeCases('refusal', refusalCases, open)
    describeCases('remove', removeCases, open)
    describeCases('concurrency', concurrencyCases, open)
    describeCases('tasks', taskCases, open)
    describeCases('scan', scanCases, open)
    describeCases('paging', pagingCases, open)
    describeCases('indexes', indexCases, open)
    describeCases('durability', durabilityCases, open)
    describeCases('model', modelCases(open), open)
  })
}

function describeCases(
  title: string,
  cases: StateCases,
  open: () => Promise<StateStoreHarness>,
): void {
  describe(title, () => {
    for (const [claim, run] of Object.entries(cases)) {
      it(claim, { timeout: CASE_MS_MAX }, async (test) => {
        const harness = await open()
        try {
          await run(new Ground(harness))
        } catch (error) {
          if (!(error instanceof MissingFacility)) throw error
          test.skip(`this store ${error.message}`)
        } finally {
          await harness.close()
        }
      })
    }
  })
}
