/** Limits of discovery, each with its reason. Nobody has proved anything when a packet is read, so all of it is little. */

/** What fits into one packet on every link of IPv6, with the headers (1,280). */
export const PACKET_BYTES_MAX = 1_200

/** Questions and records of one packet: a beacon has six, a busy network's answers some tens. */
export const PACKET_ENTRIES_MAX = 64

/** Labels of a name and their bytes, as DNS has it. */
export const NAME_LABELS_MAX = 128
export const NAME_BYTES_MAX = 255

/** How far a beacon's stamp may be from the reader's clock: machines with any time service agree within a second. */
export const STAMP_S_MAX = 30

/** How long others may keep a beacon. It is stamped, so it must be asked for again before the stamp is too old. */
export const BEACON_TTL_S = 10

/** One connection in so long to an address that beacons name: a replayed beacon costs its sender no more than that. */
export const TRY_AGAIN_MS = 5_000

/** Packets that are read in a second; a busy network has tens. Beyond it the socket is closed for the rest of it, so a flood is free. */
export const PACKETS_PER_SECOND = 500
export const FLOOD_PAUSE_MS = 1_000

/** The least time between two answers: what one asks all hear. */
export const ANSWER_PAUSE_MS = 1_000

/** When a seeker asks again: soon at first, then seldom. */
export const ASK_AGAIN_MS: readonly number[] = [0, 250, 1_000, 2_000, 4_000]

/** How often interfaces are looked for that came since. */
export const INTERFACES_LOOK_MS = 5_000

/** Addresses that one beacon names. */
export const ADDRESSES_MAX = 8
