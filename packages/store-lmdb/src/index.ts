/** The embedded state store: entities in LMDB, sharded over the folders of a data folder. */
export { DataFolder, openDataFolder } from './data-folder.ts'
export type { DataFolderLock, DataFolderOptions, OpenShardOptions } from './data-folder.ts'
export { LmdbStateStore } from './lmdb-state-store.ts'
export type { LmdbStateStoreOptions } from './lmdb-state-store.ts'
export type { Manifest } from './manifest.ts'
export type { Damage, QuarantinedRecord } from './found-records.ts'
export { ShardedStateStore } from './sharded-state-store.ts'
