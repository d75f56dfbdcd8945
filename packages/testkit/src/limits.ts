/** Times and sizes of the simulator, each with its reason. */

/** As within one machine: see the fabric's protocol. */
export const LEASE_TTL_MS = 2_000

/** How wrong a faulty wall clock is at most: machines set theirs by the network, and seconds are a lot. */
export const CLOCK_ERROR_MS = 3_000

/** How long a channel waits for a cut to end before it breaks; what a fault has stalled breaks that long after its end. */
export const CHANNEL_PATIENCE_MS: readonly [low: number, high: number] = [100, 2_000]

/** After the last fault every id must answer within this (invariant I12). */
export const CONVERGENCE_MS = 30_000

/** How long a cluster without faults may take until it serves everything. */
export const START_MS_MAX = 60_000

/** How long a supervisor waits before it starts a dead process again. */
export const RESTART_MS: readonly [low: number, high: number] = [20, 2_000]

/** By how much an answer may be later than its deadline: the node looks at deadlines every 100 ms, of a clock that may run slow. */
export const ANSWER_SLACK_MS = 1_000

/** Lines of the trace that a failure prints. */
export const FAILURE_LINES = 60
