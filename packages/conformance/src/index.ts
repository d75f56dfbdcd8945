/** The suites that every state store and cluster store must pass, and the real engines to run them against. */
export { FaultyProxy, openFaultyProxy } from './cluster-store/faulty-proxy.ts'
export type { FaultyProxyOptions } from './cluster-store/faulty-proxy.ts'
export type {
  ClusterStoreHarness,
  ClusterStoreSuiteOptions,
  FaultyClient,
} from './cluster-store/harness.ts'
export { describeClusterStore } from './cluster-store/suite.ts'
export { EtcdServers, findEtcd, startEtcdServers } from './engines/etcd-servers.ts'
export type { EtcdServersOptions, FoundEtcd } from './engines/etcd-servers.ts'
export { findFreePorts } from './engines/free-ports.ts'
export type { ServerPlace } from './engines/server-place.ts'
export { findPostgres, PostgresServer, startPostgres } from './engines/postgres-server.ts'
export type { FoundPostgres, PostgresOptions } from './engines/postgres-server.ts'
export type { StateStoreHarness, StateStoreSuiteOptions } from './state-store/harness.ts'
export { describeStateStore } from './state-store/suite.ts'
