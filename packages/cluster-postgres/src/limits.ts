/** Limits of the PostgreSQL provider, each with its reason. */
import type { ClusterStoreLimits } from '@epicserver/contracts'

/** The same as etcd's, so that a cluster may change its engine. */
const VALUE_BYTES_MAX = 1024 * 1024
const TXN_OPS_MAX = 128

/**
 * What a single PostgreSQL needs to be back after a crash: measured 0.35–0.46 s, with room for a log to replay. A standby that takes
 * over needs longer; its owner says how long (`failoverMs`).
 */
export const FAILOVER_MS = 1_000

/** Leases end with the next tick, so less than two of them would be mostly chance. */
const TTL_MS_MIN = 1_000

/** How often a client looks whether leases have ended, and whether it missed a notification. */
export const TICK_MS = 500

/** One tick a cluster is enough: a client leaves it out when another's is no older than this. */
export const TICK_FRESH_MS = 400

/**
 * With no tick for longer than this nobody could have renewed a lease, or the database's clock was moved. Either way how much of
 * their time has passed is not known, so all leases begin anew.
 */
export const TICK_GAP_MS = 2_000

/** How many changes are kept for watchers that come back: minutes of a busy cluster. Beyond the higher the older are dropped. */
export const HISTORY_REVS = 4_000
export const HISTORY_REVS_MAX = 5_000

/** Changes fetched at once: at 8 KB a view record, 2 MB. */
export const FETCH_REVS = 256

/** How long a request may take in all, tries included. */
export const REQUEST_MS_MAX = 5_000

/** How long the database may work on one statement; it gives up by itself, and then certainly did nothing. */
export const STATEMENT_MS_MAX = 2_000

/** How much longer an answer is waited for than a statement may take; after that the connection is given up. */
export const ANSWER_MS = 500

export const CONNECT_MS_MAX = 2_000

/** The pause between tries, at first and at most; it doubles in between. */
export const RETRY_MS_MIN = 20
export const RETRY_MS_MAX = 320

/** Connections of one client beside the one that listens. Statements are short; a second and third keep one slow one from all. */
export const CONNECTIONS = 3

/** What a provider of this kind takes. */
export function limitsOf(failoverMs: number): ClusterStoreLimits {
  return {
    valueBytesMax: VALUE_BYTES_MAX,
    txnOpsMax: TXN_OPS_MAX,
    worstFailoverMs: failoverMs,
    ttlMsMin: TTL_MS_MIN,
  }
}
