/** What the stores on LMDB share: whether the disk has room for a commit. */
export { checkRoom, hasRoom } from './room.ts'
export type { CommitSize } from './room.ts'
