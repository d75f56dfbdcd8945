/**
 * With what the command ends.
 *
 * | code | meaning |
 * |------|---------|
 * | 0    | done |
 * | 1    | the app, or the operation that was called, failed |
 * | 2    | the command line is wrong |
 * | 66   | the app file was not found |
 * | 69   | nothing runs there, or it could not be reached |
 * | 73   | the data folder is in use or unsafe |
 * | 78   | the app does not compile, or its description is wrong |
 */
import { isEpicError, type ErrorCode } from '@epicserver/contracts'

const CODES: Readonly<Partial<Record<ErrorCode, number>>> = {
  AppNotFound: 66,
  Unavailable: 69,
  DataFolderInUse: 73,
  DataFolderUnsafe: 73,
  StoreNewer: 73,
  StoreReadOnly: 73,
  AppDoesNotCompile: 78,
  AppInvalid: 78,
  AppThrew: 78,
  SettingsInvalid: 78,
  InvalidId: 2,
}

export function exitCodeFor(error: unknown): number {
  return isEpicError(error) ? (CODES[error.code] ?? 1) : 1
}
