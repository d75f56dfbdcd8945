/**
 * What a provider of the `ClusterStore` port brings to its conformance suite.
 *
 * The suite owns no clock. Where a provider's time is simulated the harness lets it pass (`advance`); where it is an engine's own,
 * the suite waits for what the engine reports, and reads the clock only to show that nothing came too early.
 */
import type { ClusterStore } from '@epicserver/contracts'

/** An engine that runs, with ways to reach it and to hurt it. What is left out is skipped by name. */
export interface ClusterStoreHarness {
  /** A further client of the same engine. */
  connect(): Promise<ClusterStore>
  /** The clock by which leases run, in milliseconds. */
  now(): number
  /** Lets time pass, where it is simulated. */
  advance?(ms: number): Promise<void>
  /** Makes the engine forget what was before its current revision, as age or a full ring does. */
  dropHistory?(): Promise<void>
  /** A client whose connection can be broken without touching the others. */
  connectFaulty?(): Promise<FaultyClient>
  /** Stops the engine and starts it on the same data; clients find it again by themselves. */
  restart?(): Promise<void>
  close(): Promise<void>
}

/** A client with a wire that breaks on demand. */
export interface FaultyClient {
  readonly store: ClusterStore
  /** From now on the engine cannot be reached. */
  cut(): Promise<void>
  /** From now on requests arrive and are done, but their answers are lost. */
  loseReplies(): Promise<void>
  /** From now on all is well again. */
  heal(): Promise<void>
}

/** How a suite is run. */
export interface ClusterStoreSuiteOptions {
  /** Cases that wait for an engine's own clock run beside each other; a simulated clock is moved by one case at a time. */
  readonly clock: 'real' | 'simulated'
  /** Why the suite cannot run here, such as an engine that is not installed. */
  readonly skip?: string | undefined
}
