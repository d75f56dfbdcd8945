import { EpicError } from '@epicserver/contracts'

/** A failure of the system, with what was attempted. */
export function socketError(what: string, cause: Error): EpicError {
  return new EpicError('Unavailable', `Cannot ${what}: ${cause.message}`, { cause })
}

/** A failure of TLS: the other side did not prove itself to us, or we not to it; or the system failed. */
export function tlsError(what: string, cause: Error): EpicError {
  if (!isRefusal(cause)) return socketError(what, cause)
  return new EpicError(
    'Unauthorized',
    `Cannot ${what}: one side did not prove that it holds the cluster key or a certificate that the other accepts`,
    { cause },
  )
}

/** Why somebody who connected was not let in. What OpenSSL says of it is for those who look at its source. */
export function tlsRefusal(cause: Error): string {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  const said = SAID[code]
  if (said !== undefined) return said
  if (!isRefusal(cause)) return cause.message
  return `it did not prove that it holds the cluster key or a certificate that is accepted here (${reasonOf(cause)})`
}

const SAID: Readonly<Record<string, string>> = {
  ERR_SSL_HTTP_REQUEST: 'it speaks HTTP, which nobody does here',
  ERR_SSL_WRONG_VERSION_NUMBER: 'what it sent is no TLS',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it speaks an older TLS than 1.3',
}

function reasonOf(cause: Error): string {
  return 'reason' in cause && typeof cause.reason === 'string' ? cause.reason : cause.message
}

/** Errors of the system have a system call; all others come from TLS. */
function isRefusal(error: Error): boolean {
  return !('syscall' in error) && !('code' in error && error.code === 'ECONNRESET')
}
