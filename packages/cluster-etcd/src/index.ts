/** The cluster store on etcd. */
export { EtcdClusterStore } from './etcd-cluster-store.ts'
export type { EtcdClusterStoreOptions } from './etcd-cluster-store.ts'
export type { EtcdHeader, EtcdStatus } from './etcd-messages.ts'
export { ETCD_LIMITS } from './limits.ts'
export type { TlsOptions } from './tls-options.ts'
