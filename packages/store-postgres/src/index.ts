/** The state store on PostgreSQL. */
export { PostgresStateStore } from './postgres-state-store.ts'
export type { PostgresStateStoreOptions } from './postgres-state-store.ts'
export type { SlowStatement, StatementFigures } from './statistics.ts'
export type { TlsOptions } from '@epicserver/postgres-link'
