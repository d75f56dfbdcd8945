/** A state store in memory, for tests and for the simulator. */
export { MemoryDisk } from './memory-disk.ts'
export { MemoryStateStore } from './memory-state-store.ts'
export type { MemoryStateStoreOptions } from './memory-state-store.ts'
