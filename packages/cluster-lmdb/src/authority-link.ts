/**
 * A process's connection to the authority of its machine, made again for as long as the process lives.
 *
 * | state | requests | on the end of the connection |
 * | --- | --- | --- |
 * | waiting (to connect again) | wait, up to their deadline | – |
 * | greeting (connected, no welcome yet) | wait, up to their deadline | waiting, longer each time |
 * | ready | leave at the end of the tick | waiting, for the shortest time |
 * | closed, by its owner or because the two sides do not fit | are refused | – |
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { EpicError } from '@epicserver/contracts'
import type { Clock } from './clock.ts'
import {
  RECONNECT_MS_MAX,
  RECONNECT_MS_MIN,
  REPLY_BYTES_MAX,
  REPLY_ELEMENTS_MAX,
  REQUEST_BYTES_MAX,
  REQUEST_ELEMENTS_MAX,
} from './limits.ts'
import { MessageStream, createMessageEncoder } from './message-stream.ts'
import { PROTOCOL, parseReply } from './messages.ts'
import type { Addressed, Reply, Request } from './messages.ts'
import { PendingRequests } from './pending-requests.ts'
import type { Ask } from './pending-requests.ts'

/** What an {@link AuthorityLink} is made of. */
export interface AuthorityLinkOptions {
  readonly socketPath: string
  readonly clock: Clock
  readonly requestMs: number
  /** A connection stands; `storeId` says to whose truth. */
  readonly onReady: (storeId: string) => void
  /** What a watch reports. */
  readonly onReport: (report: Addressed<Extract<Reply, { kind: 'events' | 'reset' }>>) => void
}

/** A request with what its end depends on. */
export type Question = Omit<Ask, 'bytes'> & { readonly request: Request }

const HELLO_ID = 0
const REQUEST_LIMITS = { bytesMax: REQUEST_BYTES_MAX, elementsMax: REQUEST_ELEMENTS_MAX }

export class AuthorityLink {
  readonly #options: AuthorityLinkOptions
  readonly #encode = createMessageEncoder(REQUEST_LIMITS)
  readonly #pending = new PendingRequests()
  #stream: MessageStream | undefined
  #isReady = false
  #isFlushing = false
  #lastId = HELLO_ID
  #pauseMs = RECONNECT_MS_MIN
  #retry: { cancel(): void } | undefined
  #deadline: { cancel(): void } | undefined
  #end: ((attempt: string) => EpicError) | undefined

  constructor(options: AuthorityLinkOptions) {
    this.#options = options
    this.#connect()
  }

  nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  /** Whether messages that need no answer have a way to go. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** Asks, and gives the authority's result, not yet looked at. */
  async ask({ request, ...how }: Question): Promise<unknown> {
    if (this.#end !== undefined) throw this.#end(how.attempt)
    const id = this.nextId()
    const { clock, requestMs } = this.#options
    const ask = { ...how, bytes: this.#encode([id, request]) }
    const answer = this.#pending.add(id, ask, clock.now() + requestMs)
    this.#armDeadline()
    this.#flushSoon()
    return answer
  }

  /** Sends what needs no answer, if there is a connection. */
  tell(id: number, request: Request): void {
    if (this.#isReady) this.#stream?.sendBytes(this.#encode([id, request]))
  }

  close(): void {
    this.#finish(
      (attempt) => new EpicError('Unavailable', `Cannot ${attempt}: the store is closed`),
    )
  }

  #connect(): void {
    this.#retry = undefined
    const socket = connect(this.#options.socketPath)
    const stream: MessageStream = this.#streamOver(socket)
    this.#stream = stream
    socket.once('connect', () => stream.send([HELLO_ID, { kind: 'hello', protocol: PROTOCOL }]))
  }

  #streamOver(socket: Socket): MessageStream {
    return new MessageStream({
      socket,
      receives: { bytesMax: REPLY_BYTES_MAX, elementsMax: REPLY_ELEMENTS_MAX },
      sends: REQUEST_LIMITS,
      onMessage: (message) => this.#handleMessage(message),
      onEnd: () => this.#handleLoss(),
    })
  }

  #handleMessage(message: unknown): void {
    const reply = parseReply(message)
    if (reply === undefined) return this.#stream?.destroy('a reply that cannot be')
    const { id, body } = reply
    if (body.kind === 'welcome') return this.#handleWelcome(body.storeId)
    if (body.kind === 'done') return this.#pending.handleResult(id, body.result)
    if (body.kind !== 'failed') return this.#options.onReport({ id, body })
    const { code, message: said } = body
    if (id === HELLO_ID) this.#finish(() => new EpicError(code, said))
    else this.#pending.handleFailure(id, new EpicError(code, said))
  }

  #handleWelcome(storeId: string): void {
    this.#isReady = true
    this.#pauseMs = RECONNECT_MS_MIN
    this.#options.onReady(storeId)
    this.#flush()
  }

  #handleLoss(): void {
    this.#stream = undefined
    this.#isReady = false
    if (this.#end !== undefined) return
    this.#pending.handleLoss()
    this.#retry = this.#options.clock.setTimer(() => this.#connect(), this.#pauseMs)
    this.#pauseMs = Math.min(this.#pauseMs * 2, RECONNECT_MS_MAX)
  }

  #finish(error: (attempt: string) => EpicError): void {
    if (this.#end !== undefined) return
    this.#end = error
    this.#retry?.cancel()
    this.#deadline?.cancel()
    this.#pending.refuseAll(error)
    this.#stream?.destroy()
  }

  #flushSoon(): void {
    if (this.#isFlushing || !this.#isReady) return
    this.#isFlushing = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#isFlushing = false
    if (!this.#isReady) return
    for (const bytes of this.#pending.takeQueued()) this.#stream?.sendBytes(bytes)
  }

  #armDeadline(): void {
    const { clock } = this.#options
    const at = this.#pending.nextDeadline
    if (this.#deadline !== undefined || at === Number.POSITIVE_INFINITY) return
    this.#deadline = clock.setTimer(
      () => {
        this.#deadline = undefined
        this.#pending.handleDeadline(clock.now())
        this.#armDeadline()
      },
      Math.max(Math.ceil(at - clock.now()), 1),
    )
  }
}
