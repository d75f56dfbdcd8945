/** The cluster store of one machine: an authority over LMDB in the supervisor, and its clients in the node processes. */
export type { Clock } from './clock.ts'
export { ClusterAuthority, openClusterAuthority } from './cluster-authority.ts'
export type { AuthorityCounts, ClusterAuthorityOptions } from './cluster-authority.ts'
export { ClusterClient } from './cluster-client.ts'
export type { ClusterClientOptions } from './cluster-client.ts'
export { LMDB_LIMITS } from './limits.ts'
