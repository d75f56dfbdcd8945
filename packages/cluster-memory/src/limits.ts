/** Limits of the cluster store's state machine, each with its reason. */
import type { ClusterStoreLimits } from '@epicserver/contracts'

/**
 * What every provider that keeps its truth in this machine takes. A value is as large as etcd takes by default, so that what
 * works on one machine works on three; the view record, the largest there is, has 8 KB.
 */
export const VALUE_BYTES_MAX: number = 1024 * 1024

/** As many as etcd takes by default. */
export const TXN_OPS_MAX = 128

/**
 * How much of the past is kept for watchers that come back: at 100 changes of a view record a second, the last ten seconds.
 * A watcher that was away for longer lists again.
 */
export const HISTORY_BYTES_MAX: number = 8 * 1024 * 1024

/** An engine in this process has no fail-over; a lease may be as short as a clock can tell. */
export const MEMORY_LIMITS: ClusterStoreLimits = {
  valueBytesMax: VALUE_BYTES_MAX,
  txnOpsMax: TXN_OPS_MAX,
  worstFailoverMs: 0,
  ttlMsMin: 1,
}
