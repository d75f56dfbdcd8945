/**
 * The one class of operating errors, and the list of all its codes.
 *
 * A caller needs three answers: what happened (`code`), may I do it again (`retry`), and what was found (`message`, `details`).
 * Programmer errors are assertions, not `EpicError`s. Users' own errors travel as themselves.
 *
 * The catalogue below is the source of `docs/reference/errors.md`; a test holds the two equal.
 */

/**
 * Whether doing it again can help and can hurt.
 * `never`: it will fail again. `safe`: it certainly did not run. `unknown`: it may have run.
 */
export type Retry = 'never' | 'safe' | 'unknown'

/** The code of an operating error. */
export type ErrorCode =
  | 'UnknownType'
  | 'UnknownOperation'
  | 'InvalidId'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Timeout'
  | 'Cancelled'
  | 'Overloaded'
  | 'Deadlock'
  | 'CallTooDeep'
  | 'CannotCross'
  | 'MessageTooLarge'
  | 'NodeLost'
  | 'NodeStopping'
  | 'Unavailable'
  | 'Unknown'
  | 'Moved'
  | 'Fenced'
  | 'Forgotten'
  | 'CannotSave'
  | 'StateTooLarge'
  | 'StateNewer'
  | 'UpgradeFailed'
  | 'CorruptRecord'
  | 'StoreFull'
  | 'StoreReadOnly'
  | 'StoreNewer'
  | 'LeaseLost'
  | 'FileOutside'
  | 'FileNotFound'
  | 'FileFailed'
  | 'AppNotFound'
  | 'AppDoesNotCompile'
  | 'AppThrew'
  | 'AppInvalid'
  | 'SettingsInvalid'
  | 'DataFolderInUse'
  | 'DataFolderUnsafe'
  | 'Unauthorized'
  | 'Incompatible'
  | 'ProtocolBroken'

/** What the catalogue says of a code. */
export interface ErrorCodeEntry {
  readonly retry: Retry
  readonly meaning: string
  readonly remedy: string
}

const entry = (retry: Retry, meaning: string, remedy: string): ErrorCodeEntry => ({
  retry,
  meaning,
  remedy,
})

/** Every code, with its usual `retry`, what it means and what to do. */
export const ERROR_CODES: Readonly<Record<ErrorCode, ErrorCodeEntry>> = {
  // Naming
  UnknownType: entry(
    'never',
    'No entity type of this name is in the app.',
    'List the class in `defineApp({ entities })`.',
  ),
  UnknownOperation: entry(
    'never',
    'The type has no such operation.',
    'Call a public async method of the class.',
  ),
  InvalidId: entry(
    'never',
    'The text cannot name an entity.',
    'Use a non-empty string without NUL or line breaks, of at most 512 characters.',
  ),
  NotFound: entry(
    'never',
    'The entity was never created, and its type has `autoCreate: false`.',
    'Create it with `pool.create(Type, id, initial)`.',
  ),
  AlreadyExists: entry(
    'never',
    'The entity to create exists already.',
    'Call it instead, or choose another id.',
  ),
  // Calls
  Timeout: entry(
    'unknown',
    'No reply came before the deadline.',
    'Make the operation `idempotent`, or ask for the state before repeating.',
  ),
  Cancelled: entry('unknown', 'The caller gave the call up.', 'None is needed.'),
  Overloaded: entry(
    'safe',
    'A mailbox, lane or memory limit is reached.',
    'Slow down and repeat, or raise the limit that the message names.',
  ),
  Deadlock: entry(
    'safe',
    'Entities wait for each other’s locks in a cycle.',
    'Break the cycle that the message prints: drop a lock, or use a one-way operation.',
  ),
  CallTooDeep: entry(
    'never',
    'A chain of calls is longer than allowed.',
    'Look for entities that call each other without end.',
  ),
  CannotCross: entry(
    'never',
    'An argument or result cannot cross a message.',
    'Send plain data and refs; the message names the path.',
  ),
  MessageTooLarge: entry(
    'never',
    'A message is larger than a node accepts.',
    'Split it, or keep it in a file and send its name.',
  ),
  NodeLost: entry(
    'unknown',
    'The connection to the entity’s node ended before the reply.',
    'Repeat if the operation is `idempotent`; the entity answers elsewhere at once.',
  ),
  NodeStopping: entry(
    'safe',
    'The node is shutting down and takes no new work.',
    'Repeat; another node answers.',
  ),
  Unavailable: entry(
    'safe',
    'A store, node or engine could not be reached; nothing was done.',
    'Repeat after a pause.',
  ),
  Unknown: entry(
    'unknown',
    'A store or node was lost while it worked; it may have done it.',
    'Read before repeating.',
  ),
  Moved: entry(
    'safe',
    'The entity lives elsewhere now.',
    'None is needed: the runtime repeats the call at the new place.',
  ),
  Fenced: entry(
    'unknown',
    'A newer activation of the entity, or a newer owner, exists.',
    'Repeat; the newer one answers.',
  ),
  Forgotten: entry(
    'never',
    'The entity was deleted while the call waited.',
    'Create it again if that is meant.',
  ),
  // State
  CannotSave: entry(
    'never',
    'A field holds something that cannot be saved.',
    'Make the field `#private` or list it under `transient`; the message names the path.',
  ),
  StateTooLarge: entry(
    'never',
    'The state is larger than a record may be.',
    'Split the entity, or keep bulk data in files.',
  ),
  StateNewer: entry(
    'never',
    'The saved state was written by a newer version of its class.',
    'Run the newer app, or restore a backup.',
  ),
  UpgradeFailed: entry(
    'never',
    'The `upgrade` function of the class threw.',
    'Mend it; the saved state is untouched.',
  ),
  CorruptRecord: entry(
    'never',
    'A saved record does not decode; it was set aside.',
    'Restore this entity from a backup; all others are unaffected.',
  ),
  StoreFull: entry(
    'safe',
    'The store has no room left; nothing was written.',
    'Free disk space; writing resumes by itself.',
  ),
  StoreReadOnly: entry(
    'safe',
    'The store cannot be written to.',
    'Check the data folder’s mount and permissions.',
  ),
  StoreNewer: entry(
    'never',
    'The data folder was written by a newer version.',
    'Run the newer version.',
  ),
  LeaseLost: entry(
    'never',
    'A lease expired; its id never works again.',
    'Join again under a new id.',
  ),
  // Files
  FileOutside: entry(
    'never',
    'A path leads out of the app’s data folder.',
    'Use a relative path below the folder, or allow more in `defineApp({ files })`.',
  ),
  FileNotFound: entry('never', 'No such file.', 'Check the name.'),
  FileFailed: entry('unknown', 'The file system refused.', 'See the cause.'),
  // Starting
  AppNotFound: entry(
    'never',
    'The app file does not exist.',
    'Check the path given to `epic run`.',
  ),
  AppDoesNotCompile: entry(
    'never',
    'The app file does not compile.',
    'Mend the line that the message names.',
  ),
  AppThrew: entry(
    'never',
    'The app threw while it was imported or set up.',
    'Mend what the message names.',
  ),
  AppInvalid: entry(
    'never',
    'The app’s description is wrong.',
    'Export `defineApp({ entities: { … } })` as default.',
  ),
  SettingsInvalid: entry(
    'never',
    'The settings of a class or node are wrong.',
    'Mend the setting that the message names.',
  ),
  DataFolderInUse: entry(
    'never',
    'Another supervisor works on this data folder.',
    'Stop it, or choose another folder with `--data`.',
  ),
  DataFolderUnsafe: entry(
    'never',
    'The data folder is a link, another user’s, or cannot be a folder.',
    'Use a folder of your own.',
  ),
  Unauthorized: entry(
    'never',
    'The other side did not prove that it may.',
    'Check the cluster key, token or certificate.',
  ),
  Incompatible: entry(
    'never',
    'The other side is of another cluster, protocol or configuration.',
    'Compare the two that the message names.',
  ),
  ProtocolBroken: entry(
    'unknown',
    'The other side sent what the protocol does not allow.',
    'Check what listens at that address.',
  ),
}

/** What an error may carry besides its message: plain data, safe to print. `remedy` takes the place of the catalogue's. */
export type ErrorDetails = Readonly<Record<string, unknown>>

/** What may be given to an {@link EpicError} besides its code and message. */
export interface EpicErrorOptions {
  /** Overrides the code's usual answer. */
  readonly retry?: Retry
  readonly details?: ErrorDetails
  readonly cause?: unknown
}

/**
 * An operating error: something the program was told about the world, not a mistake in the program.
 * @example
 * try { await pool.Player['bob'].trade(offer) } catch (error) {
 *   if (isEpicError(error) && error.retry === 'safe') await pool.Player['bob'].trade(offer)
 * }
 */
export class EpicError extends Error {
  readonly code: ErrorCode
  readonly retry: Retry
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, options: EpicErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'EpicError'
    this.code = code
    this.retry = options.retry ?? ERROR_CODES[code].retry
    this.details = options.details ?? {}
  }
}

/** Whether `error` is an operating error of Epic Server. */
export function isEpicError(error: unknown): error is EpicError {
  return error instanceof EpicError
}

/** What to do about an error: as it says itself, else as the catalogue says of its code. */
export function remedyFor({ code, details }: EpicError): string {
  const { remedy } = details
  return typeof remedy === 'string' ? remedy : ERROR_CODES[code].remedy
}

/** Whether `code` is in the catalogue; own keys only, since codes come from the wire too. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code)
}
