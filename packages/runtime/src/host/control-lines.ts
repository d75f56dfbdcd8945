/**
 * How the command line and a supervisor write to each other: one JSON object a line.
 *
 * A question is `{ id, request }` and its answer `{ id, answer }`, so that many may be under way on one connection and come back in
 * whatever order they are known. Values were made plain before (`plain-value.ts`). Both sides are ours and of one user, so a line that
 * does not read ends the connection.
 */
import type { Socket } from 'node:net'
import type { ControlAnswer, ControlRequest } from './supervisor-messages.ts'

/** The state of one entity as JSON fits; a list of tens of thousands of entities too. */
export const CONTROL_LINE_BYTES_MAX: number = 16 * 1024 * 1024

export interface ControlQuestion {
  readonly id: number
  readonly request: ControlRequest
}

export interface ControlReply {
  readonly id: number
  readonly answer: ControlAnswer
}

/** Hands each whole line to `onLine`; hangs up on one that is too long. */
export function readLines(socket: Socket, onLine: (line: string) => void): void {
  let parts: string[] = []
  let length = 0
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    let start = 0
    for (
      let end = chunk.indexOf('\n');
      end >= 0 && !socket.destroyed;
      end = chunk.indexOf('\n', start)
    ) {
      onLine(parts.join('') + chunk.slice(start, end))
      parts = []
      length = 0
      start = end + 1
    }
    parts.push(chunk.slice(start))
    length += chunk.length - start
    if (length > CONTROL_LINE_BYTES_MAX) socket.destroy()
  })
}

/** The object of a line, or undefined where there is none with an id. */
export function decodeControl(line: string): { readonly id: number } | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined // the caller ends the connection, which says it
  }
  const id = (value as { readonly id?: unknown } | null)?.id
  return typeof id === 'number' ? (value as { readonly id: number }) : undefined
}
