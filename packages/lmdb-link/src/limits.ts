/** Limits of what is written to LMDB, each with its reason. */

/**
 * A commit is not begun with less than this to spare: LMDB's own pages (lists of free ones, the tree of tables) for the largest
 * shard, and what its neighbours write meanwhile.
 */
export const ROOM_BYTES_SPARE: number = 256 * 1024
