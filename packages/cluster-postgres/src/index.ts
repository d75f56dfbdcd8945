/** The cluster store on PostgreSQL. */
export { PostgresClusterStore } from './postgres-cluster-store.ts'
export type { PostgresClusterStoreOptions } from './postgres-cluster-store.ts'
export type { TlsOptions } from '@epicserver/postgres-link'
