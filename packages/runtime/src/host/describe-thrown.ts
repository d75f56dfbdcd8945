/** What an app threw, as its author needs it: the message, the places in their own files that led to it, and what to do. */
import { EpicError, isEpicError, remedyFor } from '@epicserver/contracts'
import { framesOfApp } from '../frames-of-app.ts'

const FRAMES_MAX = 3

function describeThrown(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${String(error)}, which is no Error`
  const name = isEpicError(error) ? error.code : error.name
  const frames = framesOfApp(error).slice(0, FRAMES_MAX)
  return [`${name}: ${error.message}`, ...frames.map((frame) => `      ${frame}`)].join('\n')
}

/** An error of the app's own, with what was attempted; what to do is what its cause says. */
export function appThrew(attempt: string, cause: unknown): EpicError {
  return new EpicError('AppThrew', `${attempt} ${describeThrown(cause)}`, {
    cause,
    ...(isEpicError(cause) && { details: { remedy: remedyFor(cause) } }),
  })
}
