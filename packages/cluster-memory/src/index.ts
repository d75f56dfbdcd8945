/** The cluster store as a pure state machine, and one in memory that is made of it. */
export { ClusterLog, emptySnapshot } from './cluster-log.ts'
export type { ClusterDelta, ClusterLogOptions, ClusterSnapshot } from './cluster-log.ts'
export type { SavedLease } from './lease-table.ts'
export { MEMORY_LIMITS, TXN_OPS_MAX, VALUE_BYTES_MAX } from './limits.ts'
export { MemoryCluster } from './memory-cluster-store.ts'
export type { MemoryClusterOptions } from './memory-cluster-store.ts'
export { WatchHub } from './watch-hub.ts'
export type { WatchHandler, Watcher } from './watch-hub.ts'
