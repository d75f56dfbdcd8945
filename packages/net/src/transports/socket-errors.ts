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

/** Errors of the system have a system call; all others come from TLS. */
function isRefusal(error: Error): boolean {
  return !('syscall' in error) && !('code' in error && error.code === 'ECONNRESET')
}
