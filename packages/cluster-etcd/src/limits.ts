/** Limits of the etcd provider, each with its reason. */
import type { ClusterStoreLimits } from '@epicserver/contracts'

/**
 * What etcd takes by default: requests to 1.5 MB (`--max-request-bytes`), 128 operations (`--max-txn-ops`), leases from two seconds
 * (one and a half elections, rounded up). The longest gap in writes that was measured after a leader was killed or cut off is
 * 1.8 s; see docs/decisions/0010-etcd-client.md.
 */
export const ETCD_LIMITS: ClusterStoreLimits = {
  valueBytesMax: 1024 * 1024,
  txnOpsMax: 128,
  worstFailoverMs: 2_000,
  ttlMsMin: 2_000,
}

/** How long a request may take in all, over however many servers: an election and a second try. */
export const REQUEST_MS_MAX = 5_000

/**
 * How long one server may take before the next is asked, or before a change is told to be `Unknown`. Some five times what a loaded
 * server takes, and below the second in which a lease of six is renewed. Longer gains nothing: what a server had sent to a leader
 * that died is lost, and it would sit on the request for seven seconds.
 */
export const ATTEMPT_MS_MAX = 700

/** A loaded server's answer takes no longer; with less time left nothing is tried any more. */
export const ANSWER_MS_MIN = 250

/** How long connecting to one server may take: a handshake over a slow link. */
export const CONNECT_MS_MAX = 900

/** How long a connection that was given up stays for the answers that may still come: longer than any request may take. */
export const RETIRED_MS_MAX = 10_000

/** The pause after all servers failed in turn, at first and at most; it doubles in between. */
export const RETRY_MS_MIN = 20
export const RETRY_MS_MAX = 320

/** One answer: a list of a whole cluster's truth, some hundred times the largest seen. */
export const REPLY_BYTES_MAX: number = 64 * 1024 * 1024

/**
 * What may be under way on a connection before HTTP/2 asks the server to wait: the default of 64 KB would cost a round trip for
 * each 64 KB of a list.
 */
export const WINDOW_BYTES: number = 4 * 1024 * 1024

/**
 * How often a connection on which only watches stand is asked whether it lives, and how long it may take to say so. etcd hangs up
 * on who asks more often than each five seconds.
 */
export const PING_MS = 6_000
export const PING_ANSWER_MS_MAX = 3_000
