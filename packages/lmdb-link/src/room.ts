/**
 * Whether the disk has room for a commit, asked before LMDB tries.
 *
 * A write that fails for want of room is more than a failed commit: `lmdb` 3.5.6 notes the reason in a buffer of 100 bytes
 * that the text, with an address of six digits and more, does not fit in, and the process is ended by its allocator some writes
 * later. So what will not fit is refused before. The disk may still fill up between the question and the write; that is a moment, not
 * a state. Asking takes 6 µs, of the numbers that the system keeps in memory.
 */
import { statfsSync } from 'node:fs'
import { EpicError } from '@epicserver/contracts'
import { ROOM_BYTES_SPARE } from './limits.ts'

/** What a commit is going to write, roughly. */
export interface CommitSize {
  readonly changes: number
  readonly bytes: number
}

/** A change copies the leaf that it is in, and some copy the branch above as well. */
const PAGE_BYTES = 4096
const PAGES_PER_CHANGE = 2

/** @throws EpicError `StoreFull` when a commit of this size may not fit on the disk that `path` is on */
export function checkRoom(path: string, { changes, bytes }: CommitSize): void {
  const wanted = bytes + changes * PAGES_PER_CHANGE * PAGE_BYTES + ROOM_BYTES_SPARE
  const free = freeBytes(path)
  if (free === undefined || free >= wanted) return
  throw new EpicError(
    'StoreFull',
    `Cannot write to ${path}: no space left on device (${free} bytes are free, a commit takes up to ${wanted})`,
    { details: { path, freeBytes: free, wantedBytes: wanted } },
  )
}

/** Whether so much is free on the disk that `path` is on. A file system that cannot be asked has it, as far as anyone knows. */
export function hasRoom(path: string, bytes: number): boolean {
  const free = freeBytes(path)
  return free === undefined || free >= bytes
}

function freeBytes(path: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch {
    // A file system that cannot be asked is not called full: LMDB will find out.
    return undefined
  }
}
