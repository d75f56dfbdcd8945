/** Limits of the state store on PostgreSQL, each with its reason. */

/** Connections that write, for each database and node. Each has one batch under way; beyond the cores of a database more only queue there. */
export const WRITERS = 4

/** Connections that read: a walk must not wait for writes, nor one long walk for another. */
export const READERS = 2

/** Requests in one batch: where a statement's own cost is spread thin, and four batches still share a thousand waiting entities. */
export const BATCH_REQUESTS_MAX = 250

/** Bytes of state in one batch, so that a statement takes milliseconds; a larger state has a batch to itself. */
export const BATCH_BYTES_MAX: number = 4 * 1024 * 1024

/** State that may wait for the database. Beyond it writes are refused, so that an outage fills no memory. */
export const WAITING_BYTES_MAX: number = 256 * 1024 * 1024

/** State that one page of a walk brings at most, whatever its limit; one row always comes. */
export const PAGE_BYTES_MAX: number = 8 * 1024 * 1024

/** Index entries that are swept in one statement: some ten milliseconds of the database. */
export const SWEPT_ENTRIES = 5_000

/** Entities whose epochs are looked at in one statement: some tens of milliseconds of the database. */
export const EPOCHS_LOOKED_AT = 50_000

/** For how long a request is tried: longer than a restart or a fail-over of a usual set-up. */
export const REQUEST_MS_MAX = 10_000

/** How long the database may work on one statement; it gives up by itself, and then certainly did nothing. */
export const STATEMENT_MS_MAX = 5_000

/** How much longer an answer is waited for than a statement may take; after that the connection is given up. */
export const ANSWER_MS = 500

export const CONNECT_MS_MAX = 2_000

/** A connection that was silent for longer is tried before it is used: firewalls forget connections, and tell nobody. */
export const VALIDATE_AFTER_MS = 10_000

/** How long such a try may take. */
export const VALIDATE_MS_MAX = 1_000

/** The pause between tries, at first and at most; it doubles in between. */
export const RETRY_MS_MIN = 20
export const RETRY_MS_MAX = 320

/** A statement that takes longer is kept in the list of slow ones. */
export const SLOW_MS = 250

/** Slow statements that are kept, the latest. */
export const SLOW_KEPT = 100

/** Milliseconds that a schema may take to be made or changed: another node may be at it. */
export const MIGRATION_MS_MAX = 60_000
