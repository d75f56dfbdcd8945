import type { Socket } from 'node:net'
import { socketError, tlsError } from './socket-errors.ts'

/** Waits until a socket that is connecting is connected. */
export function whenConnected(
  socket: Socket,
  {
    event,
    what,
    signal,
  }: { event: 'connect' | 'secureConnect'; what: string; signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      socket.destroy()
      reject(signal.reason as Error)
    }
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', abort)
      reject(event === 'secureConnect' ? tlsError(what, error) : socketError(what, error))
    }
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    socket.once('error', fail)
    socket.once(event, () => {
      signal.removeEventListener('abort', abort)
      socket.off('error', fail)
      resolve()
    })
  })
}
