/** A file that an option names and that cannot be read: whether it is missing or kept from us is a difference to whoever named it. */
import { EpicError } from '@epicserver/contracts'

export function unreadable(attempt: string, cause: unknown): EpicError {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'ENOENT')
    return new EpicError('FileNotFound', `${attempt}: there is no such file`, { cause })
  return new EpicError('FileNotFound', `${attempt}: ${message}`, {
    cause,
    details: { remedy: 'It must be a file that the user who runs this may read.' },
  })
}
