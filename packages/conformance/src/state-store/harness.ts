/** What a provider of the `StateStore` port brings to its conformance suite. */
import type { StateStore } from '@epicserver/contracts'

/** A store with nothing in it, and ways to end it. What is left out is skipped by name. */
export interface StateStoreHarness {
  readonly store: StateStore
  /** Closes the store and opens another on the same data, where the provider keeps any. */
  reopen?(): Promise<StateStore>
  /** Ends the store as a crash does: what waits is never answered. Then opens another on the same data. */
  crash?(): Promise<StateStore>
  close(): Promise<void>
}

/** How a suite is run. */
export interface StateStoreSuiteOptions {
  /** Why the suite cannot run here, such as an engine that is not installed. */
  readonly skip?: string | undefined
}
