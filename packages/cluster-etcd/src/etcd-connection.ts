/**
 * A client's way to a cluster of etcd servers: one connection at a time, to whichever server answers.
 *
 * Any member serves every request, so there is no reason to hold more than one connection, nor to look for the leader. When a
 * server cannot be reached, is cut off from the others or does not answer in time, the next in the list is asked; what stands on
 * the old connection (watches) follows, since a server that left one request unanswered is not to be relied on for the next.
 * Changes that are under way there keep it until they are answered: to hang up would make all of them `Unknown`.
 *
 * | the request | nothing listens, or no leader | no answer, or the connection is lost |
 * | --- | --- | --- |
 * | reads | next server, until the deadline: `Unavailable` | the same |
 * | may be done twice (renew, revoke) | next server, until the deadline: `Unavailable` | next server, until the deadline: `Unknown` |
 * | changes | next server, until the deadline: `Unavailable` | `Unknown`, at once |
 */
import { setTimeout as pause } from 'node:timers/promises'
import { EpicError } from '@epicserver/contracts'
import { AUTHENTICATE, decodeToken, encodeAuthenticate } from './etcd-messages.ts'
import { GrpcChannel } from './grpc-channel.ts'
import type { GrpcStreamHandlers } from './grpc-channel.ts'
import { GrpcFailure, meaningOf, refusalFrom } from './grpc-failure.ts'
import { ANSWER_MS_MIN, RETRY_MS_MAX, RETRY_MS_MIN } from './limits.ts'
import type { TlsOptions } from './tls-options.ts'

/** What an {@link EtcdConnection} is made of. */
export interface EtcdConnectionOptions {
  readonly endpoints: readonly string[]
  readonly tls?: TlsOptions | undefined
  readonly auth?: { readonly user: string; readonly password: string } | undefined
  readonly requestMs: number
  readonly attemptMs: number
}

/** What may be done about a request that got no answer. */
export type Kind = 'read' | 'repeatable' | 'change'

/** A request, with what its failure depends on. */
export interface EtcdRequest {
  /** For messages: `read "view"`. */
  readonly attempt: string
  readonly kind: Kind
  readonly path: string
  readonly message: Uint8Array
}

/** Refuses requests on a server that is cut off from the others, instead of letting them wait for its return. */
const NEEDS_LEADER = { hasleader: 'true' }

export class EtcdConnection {
  readonly #options: EtcdConnectionOptions
  #channel: GrpcChannel | undefined
  #next = 0
  #token: Promise<string> | undefined
  #isClosed = false

  constructor(options: EtcdConnectionOptions) {
    this.#options = options
    // Each client begins with another server, so that they share the load.
    this.#next = Math.floor(Math.random() * options.endpoints.length)
  }

  /**
   * Asks until there is an answer, or none is to be expected.
   * @throws EpicError
   */
  async ask(request: EtcdRequest): Promise<Uint8Array> {
    const { requestMs } = this.#options
    const deadline = performance.now() + requestMs
    // What is sent with no time left for an answer would only make `Unknown` what is certainly not done.
    const lastTryAt = deadline - Math.min(ANSWER_MS_MIN, requestMs / 4)
    let mayBeDone = false
    let retryMs = RETRY_MS_MIN
    for (let tries = 1; ; tries += 1) {
      this.#assertOpen(request.attempt)
      const failure = await this.#try(request, deadline).catch(failureOnly)
      if (!(failure instanceof GrpcFailure)) return failure
      mayBeDone ||= this.#judge(request, failure)
      if (performance.now() + retryMs >= lastTryAt) throw this.#lost(request, failure, mayBeDone)
      if (tries % this.#options.endpoints.length !== 0) continue
      await pause(retryMs)
      retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)
    }
  }

  /**
   * Opens a stream on whichever server answers.
   * @throws EpicError when it is refused, GrpcFailure when there is no server now.
   */
  async stream(
    call: { path: string; message: Uint8Array },
    handlers: GrpcStreamHandlers,
  ): Promise<{ close(): void }> {
    const channel = await this.#connected()
    const headers = await this.#headers(channel)
    return channel.stream(
      { ...call, headers },
      {
        onMessage: handlers.onMessage,
        onEnd: (failure) => {
          this.#leave(channel, failure)
          handlers.onEnd(failure)
        },
      },
    )
  }

  /** A stream was refused; when it was for its token, the next has a new one. */
  handleRefusedStream(failure: GrpcFailure): void {
    if (meaningOf(failure) === 'login') this.#token = undefined
  }

  close(): void {
    this.#isClosed = true
    this.#channel?.destroy()
  }

  async #try(request: EtcdRequest, deadline: number): Promise<Uint8Array> {
    const channel = await this.#connected()
    try {
      const headers = await this.#headers(channel)
      const leftMs = Math.max(deadline - performance.now(), 1)
      const { path, message } = request
      return await channel.call(
        { path, message, headers },
        Math.ceil(Math.min(leftMs, this.#options.attemptMs)),
      )
    } catch (error) {
      if (error instanceof GrpcFailure) this.#leave(channel, error)
      throw error
    }
  }

  /**
   * Whether the request may be done; prepares the next try.
   * @throws EpicError when there must be none.
   */
  #judge(request: EtcdRequest, failure: GrpcFailure): boolean {
    const meaning = meaningOf(failure)
    if (meaning === 'refused') throw refusalFrom(failure, request.attempt)
    if (meaning === 'login') {
      if (this.#options.auth === undefined) throw refusalFrom(failure, request.attempt)
      this.#token = undefined
      return false
    }
    if (meaning === 'not done') return false
    if (request.kind === 'change') throw this.#lost(request, failure, true)
    return true
  }

  #lost(request: EtcdRequest, failure: GrpcFailure, mayBeDone: boolean): EpicError {
    const { attempt, kind } = request
    return mayBeDone && kind !== 'read'
      ? new EpicError(
          'Unknown',
          `Cannot tell whether it was done to ${attempt}: ${failure.message}`,
          {
            cause: failure,
          },
        )
      : new EpicError('Unavailable', `Cannot ${attempt}: ${failure.message}`, { cause: failure })
  }

  async #connected(): Promise<GrpcChannel> {
    // One that is being made is everyone's.
    if (this.#channel === undefined || this.#channel.isEnded) this.#channel = this.#connect()
    const channel = this.#channel
    await channel.opened()
    return channel
  }

  #connect(): GrpcChannel {
    const { endpoints, tls } = this.#options
    const endpoint = endpoints[this.#next % endpoints.length] ?? ''
    this.#next += 1
    return new GrpcChannel({ endpoint, tls })
  }

  /** Gives a server up that could not do what it was asked, unless it looked at it and refused. */
  #leave(channel: GrpcChannel, failure: GrpcFailure): void {
    const meaning = meaningOf(failure)
    if (meaning === 'refused' || meaning === 'login') return
    if (channel === this.#channel) this.#channel = undefined
    channel.retire()
  }

  async #headers(channel: GrpcChannel): Promise<Record<string, string>> {
    const { auth } = this.#options
    if (auth === undefined) return NEEDS_LEADER
    this.#token ??= this.#authenticate(channel, auth)
    try {
      return { ...NEEDS_LEADER, token: await this.#token }
    } catch (error) {
      this.#token = undefined
      throw error
    }
  }

  async #authenticate(
    channel: GrpcChannel,
    { user, password }: { user: string; password: string },
  ): Promise<string> {
    const message = encodeAuthenticate(user, password)
    const call = { path: AUTHENTICATE, message, headers: NEEDS_LEADER }
    const token = decodeToken(await channel.call(call, this.#options.attemptMs).catch(asNotDone))
    if (token !== undefined) return token
    throw new EpicError(
      'ProtocolBroken',
      `Cannot log in to etcd at ${channel.endpoint}: its answer cannot be`,
    )
  }

  #assertOpen(attempt: string): void {
    if (this.#isClosed) throw new EpicError('Unavailable', `Cannot ${attempt}: the store is closed`)
  }
}

function failureOnly(error: unknown): GrpcFailure {
  if (error instanceof GrpcFailure) return error
  throw error
}

/** A login that failed has done nothing of what it was for. */
function asNotDone(error: unknown): never {
  if (error instanceof GrpcFailure && meaningOf(error) === 'may be done') {
    throw new GrpcFailure(error.status, error.message, false)
  }
  throw error
}
