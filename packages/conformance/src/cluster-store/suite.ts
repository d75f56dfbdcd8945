/**
 * The conformance suite of the `ClusterStore` port: every provider passes it, against the engine that it is for.
 *
 * One engine serves all cases; each has keys of its own. What a provider's harness cannot do is skipped by name with the reason,
 * so that a report tells what was not shown.
 */
import { after, before, describe, it } from 'node:test'
import type { ClusterStore } from '@epicserver/contracts'
import { expiryCases } from './expiry-cases.ts'
import { Ground, MissingFacility } from './ground.ts'
import type { ClusterCases } from './ground.ts'
import type { ClusterStoreHarness, ClusterStoreSuiteOptions } from './harness.ts'
import { leaseCases } from './lease-cases.ts'
import { outageCases } from './outage-cases.ts'
import { recordCases } from './record-cases.ts'
import { txnCases } from './txn-cases.ts'
import { watchCases } from './watch-cases.ts'

/** A case that waits for longer waits for something that will not come. */
const CASE_MS_MAX = 60_000

interface Running {
  readonly harness: ClusterStoreHarness
  readonly clients: readonly [ClusterStore, ClusterStore]
}

/**
 * Describes what a cluster store must do, as tests of `node:test`.
 * @example
 * describeClusterStore('MemoryCluster', openHarness, { clock: 'simulated' })
 */
export function describeClusterStore(
  name: string,
  open: () => Promise<ClusterStoreHarness>,
  options: ClusterStoreSuiteOptions,
): void {
  describe(name, { skip: options.skip ?? false }, () => {
    let running: Running | undefined
    before(async () => {
      const harness = await open()
      running = { harness, clients: [await harness.connect(), await harness.connect()] }
    })
    after(async () => {
      for (const client of running?.clients ?? []) await client.close()
      await running?.harness.close()
    })
    let cases = 0
    const ground = (): Ground => {
      if (running === undefined) throw new Error('The engine did not start')
      cases += 1
      return new Ground(running.harness, running.clients, `case-${cases}/`)
    }
    describeCases('records', recordCases, { ground, isConcurrent: false })
    describeCases('transactions', txnCases, { ground, isConcurrent: false })
    describeCases('leases', leaseCases, { ground, isConcurrent: false })
    describeCases('expiry', expiryCases, { ground, isConcurrent: options.clock === 'real' })
    describeCases('watches', watchCases, { ground, isConcurrent: false })
    describeCases('outages', outageCases, { ground, isConcurrent: false })
  })
}

function describeCases(
  title: string,
  cases: ClusterCases,
  how: { ground: () => Ground; isConcurrent: boolean },
): void {
  describe(title, { concurrency: how.isConcurrent }, () => {
    for (const [claim, run] of Object.entries(cases)) {
      it(claim, { timeout: CASE_MS_MAX }, async (test) => {
        try {
          await run(how.ground())
        } catch (error) {
          if (!(error instanceof MissingFacility)) throw error
          test.skip(`this engine ${error.message}`)
        }
      })
    }
  })
}
