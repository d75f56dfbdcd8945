/**
 * How a statement failed, and what that means for who asked.
 *
 * An answer of the database that says ERROR undid the statement: it is certainly not done. A connection that could not be made
 * carried nothing. Everything else (a connection that was lost, a server that went down under the statement) leaves it open.
 */
import { EpicError } from '@epicserver/contracts'
import type { ErrorCode } from '@epicserver/contracts'

/** `refused`: no second try will help. `not done`: a second try may. `may be done`: nobody knows. */
export type Meaning = 'refused' | 'not done' | 'may be done'

/** What keeps a connection from being made, as the system, the driver and the server's start-up say it. */
const NOT_CONNECTED: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'CONNECT_TIMEOUT',
  'CONNECTION_ENDED',
])

/** SQLSTATEs, or the two signs of their class, that no second try changes. */
const REFUSALS: Readonly<Record<string, ErrorCode>> = {
  '28': 'Unauthorized',
  '42501': 'Unauthorized',
  '53100': 'StoreFull',
  XX001: 'CorruptRecord',
  XX002: 'CorruptRecord',
  '54': 'MessageTooLarge',
  '42': 'Incompatible',
  '3D': 'SettingsInvalid',
}

/** SQLSTATEs of errors that come before any statement was looked at, although they end the connection. */
const BEFORE_STATEMENTS = /^(28|3D|53300|57P03)/

/** A certificate that no authority of this system has signed. */
const UNKNOWN_SIGNERS: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

export function meaningOf(error: unknown): Meaning {
  if (refusalCodeOf(error) !== undefined) return 'refused'
  const { code, severity } = fieldsOf(error)
  if (NOT_CONNECTED.has(code) || BEFORE_STATEMENTS.test(code) || isOfConnect(error))
    return 'not done'
  return severity === 'ERROR' ? 'not done' : 'may be done'
}

/** The error for a statement that was refused. `attempt` says what was tried: `read "view"`. */
export function refusalFrom(error: unknown, attempt: string): EpicError {
  const message = `Cannot ${attempt}: ${messageOf(error)}`
  return new EpicError(refusalCodeOf(error) ?? 'ProtocolBroken', message, { cause: error })
}

/** The SQLSTATE that the server gave, or the system's code; empty where there is none. */
export function codeOf(error: unknown): string {
  return fieldsOf(error).code
}

/** What the database or the system said; the driver's errors carry the statement too, which is not repeated. */
export function messageOf(error: unknown): string {
  const { code } = fieldsOf(error)
  const said = error instanceof Error && error.message !== '' ? error.message : code
  return UNKNOWN_SIGNERS.has(code)
    ? `${said}: name who signed it, by ca=<file> in the address`
    : said
}

/** Whether it was the connecting that failed, for whatever reason. */
function isOfConnect(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'connect'
}

function refusalCodeOf(error: unknown): ErrorCode | undefined {
  const { code, severity } = fieldsOf(error)
  if (severity === '') return undefined
  return REFUSALS[code] ?? REFUSALS[code.slice(0, 2)]
}

function fieldsOf(error: unknown): { code: string; severity: string } {
  if (!(error instanceof Error)) return { code: '', severity: '' }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const severity = 'severity' in error && typeof error.severity === 'string' ? error.severity : ''
  return { code, severity }
}
