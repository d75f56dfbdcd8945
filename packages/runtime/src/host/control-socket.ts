/**
 * The socket on which a supervisor listens to the command line: one JSON object a line, of mode 0600 in a folder of mode 0700, so
 * that only the user who runs the app can reach it.
 */
import { chmod } from 'node:fs/promises'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { EpicError } from '@epicserver/contracts'

const LINE_BYTES_MAX = 1024 * 1024

/** Answers requests until `close`. */
export async function listenForControl(path: string, answer: (request: unknown) => Promise<unknown>): Promise<{ close(): void }> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    readLines(socket, (line) => {
      void reply(socket, line, answer)
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
      for (const socket of sockets) socket.destroy()
    },
  }
}

/**
 * Asks a running supervisor one thing.
 * @throws EpicError `Unavailable` when nobody listens
 */
export async function askControl(path: string, request: unknown): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    const socket = createConnection(path)
    socket.on('connect', () => socket.write(`${encodeControl(request)}\n`))
    socket.on('error', (cause) => reject(new EpicError('Unavailable', `Cannot reach a running app at ${path}`, { cause })))
    socket.on('close', () => reject(new EpicError('Unknown', 'The app ended before it answered')))
    readLines(socket, (line) => {
      resolve(decodeControl(line))
      socket.end()
    })
  })
}

async function reply(socket: Socket, line: string, answer: (request: unknown) => Promise<unknown>): Promise<void> {
  let answered: unknown
  try {
    answered = await answer(decodeControl(line))
  } catch (error) {
    answered = { ok: false, error: { name: 'Error', message: error instanceof Error ? error.message : String(error) } }
  }
  if (!socket.destroyed) socket.write(`${encodeControl(answered)}\n`)
}

function readLines(socket: Socket, onLine: (line: string) => void): void {
  let text = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    text += chunk
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      const line = text.slice(0, end)
      text = text.slice(end + 1)
      onLine(line)
    }
    if (text.length > LINE_BYTES_MAX) socket.destroy()
  })
}

/** JSON, with what it lacks written as strings a person can read. */
export function encodeControl(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item === 'bigint') return `${item}n`
    if (item instanceof Map) return { Map: [...item] }
    if (item instanceof Set) return { Set: [...item] }
    return item
  }) ?? 'null'
}

function decodeControl(line: string): unknown {
  return JSON.parse(line) as unknown
}
