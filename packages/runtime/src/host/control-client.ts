/**
 * Asks a running supervisor, over its control socket: many questions at a time on one connection.
 *
 * It repeats nothing. A question whose connection ended before the answer came may have been carried out.
 */
import { createConnection, type Socket } from 'node:net'
import { EpicError } from '@epicserver/contracts'
import {
  CONTROL_LINE_BYTES_MAX,
  decodeControl,
  readLines,
  type ControlReply,
} from './control-lines.ts'
import type { ControlAnswer, ControlRequest } from './supervisor-messages.ts'

interface Waiting {
  readonly resolve: (answer: ControlAnswer) => void
  readonly reject: (error: EpicError) => void
}

export class ControlClient {
  readonly #socket: Socket
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  /** Resolves when the connection has ended, from either side. */
  readonly ended: Promise<void>

  /** @throws EpicError `Unavailable` when nobody listens */
  static async connect(path: string): Promise<ControlClient> {
    const socket = createConnection(path)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', (cause) =>
        reject(new EpicError('Unavailable', `Cannot reach a running app at ${path}`, { cause })),
      )
    })
    return new ControlClient(socket)
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => socket.destroy())
    this.ended = new Promise((resolve) => {
      socket.once('close', () => {
        this.#rejectAll()
        resolve()
      })
    })
    readLines(socket, (line) => this.#handle(line))
  }

  /**
   * Resolves with what the app answers, also where that is an error.
   * @throws EpicError `MessageTooLarge`, or `Unknown` when the connection ended before the answer
   */
  ask(request: ControlRequest): Promise<ControlAnswer> {
    this.#lastId += 1
    const id = this.#lastId
    const line = JSON.stringify({ id, request })
    const bytes = Buffer.byteLength(line)
    if (bytes > CONTROL_LINE_BYTES_MAX) {
      return Promise.reject(
        new EpicError(
          'MessageTooLarge',
          `Cannot ask the app: the question has ${bytes} bytes, and ${CONTROL_LINE_BYTES_MAX} are allowed`,
        ),
      )
    }
    if (this.#socket.destroyed)
      return Promise.reject(
        new EpicError('Unavailable', 'Cannot ask the app: the connection to it has ended'),
      )
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#socket.write(`${line}\n`)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #handle(line: string): void {
    const reply = decodeControl(line) as ControlReply | undefined
    if (reply === undefined) {
      this.#socket.destroy()
      return
    }
    this.#waiting.get(reply.id)?.resolve(reply.answer)
    this.#waiting.delete(reply.id)
  }

  #rejectAll(): void {
    for (const { reject } of this.#waiting.values())
      reject(new EpicError('Unknown', 'The app ended before it answered'))
    this.#waiting.clear()
  }
}

/**
 * Asks one thing.
 * @throws EpicError `Unavailable` when nobody listens, else as `ControlClient.ask`
 */
export async function askControl(path: string, request: ControlRequest): Promise<ControlAnswer> {
  const client = await ControlClient.connect(path)
  try {
    return await client.ask(request)
  } finally {
    client.close()
  }
}
