/** Limits of the cluster store of one machine, each with its reason. */
import { TXN_OPS_MAX, VALUE_BYTES_MAX } from '@epicserver/cluster-memory'
import type { ClusterStoreLimits } from '@epicserver/contracts'

/**
 * The smallest lease: far above what a busy event loop delays a renewal by, since a late renewal costs a healthy node its life.
 * The engine has no fail-over of its own: a supervisor that died is started again, and its leases with it.
 */
export const LMDB_LIMITS: ClusterStoreLimits = {
  valueBytesMax: VALUE_BYTES_MAX,
  txnOpsMax: TXN_OPS_MAX,
  worstFailoverMs: 0,
  ttlMsMin: 200,
}

/** One request: a value of the largest size with room to spare. A longer one is refused before it is sent. */
export const REQUEST_BYTES_MAX: number = 4 * 1024 * 1024

/** One answer or report: a list of a whole cluster's truth, some hundred times the largest seen. */
export const REPLY_BYTES_MAX: number = 64 * 1024 * 1024

/** What one value may be made of, in a request: 128 operations of a few fields each, and as many conditions. */
export const REQUEST_ELEMENTS_MAX = 4_096

/** The same of an answer: 100,000 records of a few fields. */
export const REPLY_ELEMENTS_MAX = 1_000_000

/** A frame is closed once it holds this much, so that one slow request does not hold up a batch. */
export const FRAME_BYTES_SOFT_MAX: number = 256 * 1024

/** What may wait in the authority for one process that reads too slowly, before it is cut off; it comes back and lists again. */
export const UNSENT_BYTES_MAX: number = 2 * 64 * 1024 * 1024

/** Requests of one process that may be under way at once: more than its fabric ever asks, and a bound for one gone mad. */
export const REQUESTS_MAX = 10_000

/** Watches of one process; the fabric needs three. */
export const WATCHES_MAX = 1_000

/** Processes that may be connected at once: more than cores anyone has, far below the file handles of a process. */
export const CONNECTIONS_MAX = 512

/** How long a connection may take to say hello. */
export const HELLO_MS_MAX = 5_000

/** How long a request may take before its sender is told that it does not know. */
export const REQUEST_MS_MAX = 5_000

/**
 * First pause before connecting again, and the longest; it doubles in between. A try costs some 50 µs, and a lease of a second is
 * renewed each 167 ms: a supervisor that is back must be found well before that.
 */
export const RECONNECT_MS_MIN = 5
export const RECONNECT_MS_MAX = 80

/** The longest path of a unix socket on Linux (108 bytes with its end); macOS has 104. */
export const SOCKET_PATH_BYTES_MAX = 103
