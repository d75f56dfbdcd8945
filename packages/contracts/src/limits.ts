/** Limits that every part shares, each with its reason. Limits of one part live in that part's own `limits.ts`. */

/** Long enough for any URL or composite id; short enough for a key of LMDB (1,978 bytes) in UTF-8 with its type. */
export const ENTITY_ID_UNITS_MAX = 512

/** A type name is a class name; more than this is a mistake. */
export const TYPE_NAME_UNITS_MAX = 128

/** Fixed when a cluster is created: enough to balance 100 nodes within 10 %, few enough for one 8 KB view record. */
export const PARTITIONS = 1024

/** A key of a timer or task, of a lane or an index: a name that people choose. */
export const KEY_UNITS_MAX = 256

/** One message: what a node can hold many of at once, and what a slow link carries in under a second. */
export const MESSAGE_BYTES_MAX: number = 16 * 1024 * 1024

/** One saved entity; larger things are files or many entities. */
export const STATE_BYTES_MAX: number = 16 * 1024 * 1024

/**
 * A key of an index entry. An id takes up to 1,536 bytes in UTF-8; what is left of LMDB's 1,978 must hold this key with every byte
 * escaped. Longer values are cut by the runtime and compared again on the state.
 */
export const INDEX_KEY_BYTES_MAX = 200

/** Index entries of one entity: they are rewritten with each change, and a query needs one of a few, not hundreds. */
export const INDEX_ENTRIES_MAX = 64

/** What a task carries: the arguments of one operation. Many tasks are read at once. */
export const TASK_BODY_BYTES_MAX: number = 64 * 1024

/** A key of the cluster store: below LMDB's 1,978 bytes with room for a provider's own prefix. */
export const CLUSTER_KEY_BYTES_MAX = 1024

/** A lease tells the living from the dead; one that outlives a day tells nothing. */
export const LEASE_TTL_MS_MAX = 86_400_000
