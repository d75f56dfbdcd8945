/** The suites that every state store and cluster store must pass. */
export { FaultyProxy, openFaultyProxy } from './cluster-store/faulty-proxy.ts'
export type { FaultyProxyOptions } from './cluster-store/faulty-proxy.ts'
export type {
  ClusterStoreHarness,
  ClusterStoreSuiteOptions,
  FaultyClient,
} from './cluster-store/harness.ts'
export { describeClusterStore } from './cluster-store/suite.ts'
export type { StateStoreHarness, StateStoreSuiteOptions } from './state-store/harness.ts'
export { describeStateStore } from './state-store/suite.ts'
