/** The embedded state store: entities in LMDB, sharded over the folders of a data folder. */
export { LmdbStateStore } from './lmdb-state-store.ts'
export type { LmdbStateStoreOptions } from './lmdb-state-store.ts'
export type { Damage, QuarantinedRecord } from './quarantine.ts'
