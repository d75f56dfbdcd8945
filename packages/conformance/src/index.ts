/** The suites that every store and cluster store must pass. */
export type {
  ClusterStoreHarness,
  ClusterStoreSuiteOptions,
  FaultyClient,
} from './cluster-store/harness.ts'
export { describeClusterStore } from './cluster-store/suite.ts'
