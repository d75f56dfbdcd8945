/**
 * With what the command ends.
 *
 * | code | meaning |
 * |------|---------|
 * | 0    | done |
 * | 1    | the app, or the operation that was called, failed |
 * | 2    | the command line is wrong |
 * | 66   | the app file, or a file that an option names, was not found |
 * | 69   | nothing runs there, or it could not be reached |
 * | 73   | the data folder is in use or unsafe |
 * | 77   | the machine does not hold the cluster's key, or shares it with nobody |
 * | 78   | the app does not compile, its settings are wrong, or it does not fit the cluster |
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
  Incompatible: 78,
  Unauthorized: 77,
  FileNotFound: 66,
  AlreadyExists: 73,
  InvalidId: 2,
}

export function exitCodeFor(error: unknown): number {
  return isEpicError(error) ? (CODES[error.code] ?? 1) : 1
}
