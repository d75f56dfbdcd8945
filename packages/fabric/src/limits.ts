/** Times and sizes of the fabric, each with its reason. All times follow from the lease's TTL, so that one number sets the pace. */

/** Renewals in one TTL: five may be lost before the node fences itself. */
export const RENEWALS_PER_TTL = 6

/**
 * The share of a TTL in which a renewal lets a node serve. The rest is the margin for clocks: with rates within ±5 %, a
 * node's 0.75 T takes at most 0.79 T, and the engine's T at least 0.95 T.
 */
export const SERVE_SHARE = 0.75

/** A wall clock that ran ahead of the monotonic one by more than this means a machine that was suspended or restored. */
export const CLOCK_GAP_MS_MAX = 1_000

/** Readings of two clocks are not simultaneous; a smaller gap between them is noise and not time that was lost. */
export const CLOCK_NOISE_MS = 50

/** A TTL must outlast an engine's fail-over twice, plus one renewal (a fail-over may follow another at once). */
export const FAILOVERS_PER_TTL = 2

/** Messages of nodes that a newer view may bring, kept until it is installed; more nodes than this never join at once. */
export const EARLY_MESSAGES_MAX = 1_024

/** Views are some 3 KB; a record larger than this is not one of ours. */
export const RECORD_BYTES_MAX: number = 1024 * 1024

/** A member's text (address, zone, label, version): more than any host name or build id needs. */
export const MEMBER_TEXT_BYTES_MAX = 1_024

/** Grants that an owner can number before it needs a new partition epoch: the low 32 bits of an activation's epoch. */
export const GRANTS_PER_EPOCH_MAX = 0xffff_ffff

/** Divisors of the TTL for the pace of everything else: see `timing.ts`. */
export const RETRIES_PER_TTL = 48
export const ASKS_PER_TTL = 60
export const BALANCES_PER_TTL = 8

/** A move that has found no quiet moment, or no answer, by then is given up: callers wait all that time. */
export const MOVE_GIVE_UP_MS = 2_000

/** How long a node sends on those who come for an entity that moved away; by then every caller has heard. */
export const POINTER_MS = 30_000

/** Places that a node remembers: some 10 MB, and a miss costs one more message only. */
export const CACHED_LOCATIONS_MAX = 65_536

/** Loads are gathered and told this often in a TTL: a placement by a load older than a second misses. */
export const LOADS_PER_TTL = 6
