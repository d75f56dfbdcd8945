/**
 * The socket on which a supervisor listens to the command line: of mode 0600 in a folder of mode 0700, so that only the user who
 * runs the app can reach it.
 */
import { chmod } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { EpicError } from '@epicserver/contracts'
import { plainError } from './plain-error.ts'
import {
  CONTROL_LINE_BYTES_MAX,
  decodeControl,
  readLines,
  type ControlQuestion,
} from './control-lines.ts'
import type { ControlAnswer, ControlRequest } from './supervisor-messages.ts'

/** Answers questions until `close`. */
export async function listenForControl(
  path: string,
  answer: (request: ControlRequest) => Promise<ControlAnswer>,
): Promise<{ close(): void }> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    readLines(socket, (line) => {
      const question = decodeControl(line) as ControlQuestion | undefined
      if (question === undefined) socket.destroy()
      else void reply(socket, question, answer)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  await chmod(path, 0o600)
  return {
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroySoon()
    },
  }
}

async function reply(
  socket: Socket,
  { id, request }: ControlQuestion,
  answer: (request: ControlRequest) => Promise<ControlAnswer>,
): Promise<void> {
  const line = JSON.stringify({ id, answer: await answer(request).catch(failure) })
  const bytes = Buffer.byteLength(line)
  const isTooLong = bytes > CONTROL_LINE_BYTES_MAX
  if (!socket.destroyed)
    socket.write(`${isTooLong ? JSON.stringify({ id, answer: tooLong(bytes) }) : line}\n`)
}

function failure(error: unknown): ControlAnswer {
  return { ok: false, error: plainError(error) }
}

function tooLong(bytes: number): ControlAnswer {
  const message = `Cannot show the answer: it has ${bytes} bytes as JSON, and ${CONTROL_LINE_BYTES_MAX} are allowed`
  return failure(new EpicError('MessageTooLarge', message))
}
