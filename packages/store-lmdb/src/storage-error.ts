/**
 * What an error of LMDB or of the file system means to a caller.
 *
 * LMDB reports a system's error number; where it wrote only a part of a page it says "input/output error" (5) even when the disk is
 * simply full, so a failure without a clear number is looked at together with the room that is left.
 */
import { EpicError } from '@epicserver/contracts'
import type { ErrorCode } from '@epicserver/contracts'
import { hasRoom } from '@epicserver/lmdb-link'
import { ROOM_BYTES_MIN } from './limits.ts'

const IO_ERROR = 5
const codesByNumber: Readonly<Record<string, ErrorCode>> = {
  28: 'StoreFull', // ENOSPC
  122: 'StoreFull', // EDQUOT
  [-30792]: 'StoreFull', // MDB_MAP_FULL
  13: 'StoreReadOnly', // EACCES
  1: 'StoreReadOnly', // EPERM
  30: 'StoreReadOnly', // EROFS
  [-30794]: 'StoreNewer', // MDB_VERSION_MISMATCH
  [-30793]: 'CorruptRecord', // MDB_INVALID: not a file of LMDB
  [-30796]: 'CorruptRecord', // MDB_CORRUPTED
  [-30797]: 'CorruptRecord', // MDB_PAGE_NOTFOUND
}
const numbersByName: Readonly<Record<string, number>> = {
  EIO: IO_ERROR,
  ENOSPC: 28,
  EDQUOT: 122,
  EACCES: 13,
  EPERM: 1,
  EROFS: 30,
}

/**
 * The error that a caller gets for a failure that changed nothing.
 * @param what - what was attempted, as in "Cannot …"
 * @param path - the folder that it was attempted on
 */
export function storageError(what: string, path: string, cause: unknown): EpicError {
  const isRoomMissing = numberOf(cause) === IO_ERROR && !hasRoom(path, ROOM_BYTES_MIN)
  return errorOf(isRoomMissing ? 'StoreFull' : codeOf(cause), what, path, cause)
}

/** What is thrown to whoever reads: an error of LMDB as the caller may know it, any other as it is. */
export function readError(what: string, path: string, cause: unknown): unknown {
  return numberOf(cause) === undefined ? cause : errorOf(codeOf(cause), what, path, cause)
}

function codeOf(cause: unknown): ErrorCode {
  const number = numberOf(cause)
  return (number === undefined ? undefined : codesByNumber[number]) ?? 'Unavailable'
}

// tidy: four short arguments read better here than an object with four names
function errorOf(code: ErrorCode, what: string, path: string, cause: unknown): EpicError {
  const found = cause instanceof Error ? cause.message : String(cause)
  return new EpicError(code, `Cannot ${what}: ${found}`, { cause, details: { path } })
}

/** The system's or LMDB's number of an error. */
function numberOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  if (typeof error.code === 'number') return error.code
  return typeof error.code === 'string' ? numbersByName[error.code] : undefined
}
