/** Limits of the embedded store, each with its reason. */

/** What LMDB takes as a key in pages of 4 KB. The longest of ours has 1,954 bytes: see `index-key.ts`. */
export const LMDB_KEY_BYTES_MAX = 1978

/**
 * A state up to this size is kept inside of its record, which then fits in a leaf page. A larger one has a place of its own, so
 * that a claim, which changes the epoch only, does not write it anew.
 */
export const INLINE_STATE_BYTES_MAX = 1500

/** What one commit takes at most; the rest goes into the next. Bounds the memory that waits on the disk. */
export const COMMIT_BYTES_MAX: number = 32 * 1024 * 1024

/** Entities that are remembered after their last request, for each shard: two generations of these, some 5 MB. */
export const SUBJECTS_KEPT = 8192

/** Index entries that are swept in one commit: a few milliseconds of the disk. */
export const SWEPT_ENTRIES = 2000

/** A full disk is tried again after this, whoever writes: each try costs a commit that fails, and a line on stderr. */
export const FULL_DISK_PAUSE_MS = 100

/** A failed commit on a disk with less room than this failed for want of room, whatever the system calls it. */
export const ROOM_BYTES_MIN: number = COMMIT_BYTES_MAX + 1024 * 1024

/** The lock of a data folder is taken in microseconds; longer than this only a process waits that another one stopped in the midst of it. */
export const FOLDER_LOCK_WAIT_MS = 5_000

/** Shards of a new data folder: each commits by itself, so more than can be owned by different processes only cost syncs. */
export const SHARDS_PER_CORE = 2

/** A machine of 64 cores has one process a core with two shards each. */
export const SHARDS_MAX_BY_DEFAULT = 128
