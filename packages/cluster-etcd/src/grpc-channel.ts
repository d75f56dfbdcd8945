/**
 * One connection to one etcd server: gRPC over `node:http2`, as much of it as etcd's calls need.
 *
 * A call is an HTTP/2 stream: a request message goes out behind five bytes (not compressed, length), answers come the same way,
 * and trailers say how it ended. There is one rule that everything above rests on: a failure knows whether the request may have
 * left (`hasLeft`). It has not as long as no stream was opened on a connection that stood, or when the server refused the stream
 * unprocessed.
 *
 * A connection on which nothing moves may be dead without a word: pings find that out while streams stand on it.
 */
import { connect, constants } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import { GRPC, GrpcFailure } from './grpc-failure.ts'
import {
  CONNECT_MS_MAX,
  PING_ANSWER_MS_MAX,
  PING_MS,
  RETIRED_MS_MAX,
  WINDOW_BYTES,
} from './limits.ts'
import { MessageSplitter, frameOf } from './message-splitter.ts'
import type { TlsOptions } from './tls-options.ts'

/** Where a {@link GrpcChannel} leads to. */
export interface GrpcChannelOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly endpoint: string
  readonly tls?: TlsOptions | undefined
}

/** A call to make. */
export interface GrpcCall {
  readonly path: string
  readonly message: Uint8Array
  /** Sent along: the token. */
  readonly headers: Readonly<Record<string, string>>
}

/** What becomes of a call that answers more than once. */
export interface GrpcStreamHandlers {
  readonly onMessage: (message: Uint8Array) => void
  /** The stream is over; never after `close`. */
  readonly onEnd: (failure: GrpcFailure) => void
}

export class GrpcChannel {
  readonly endpoint: string
  readonly #session: ClientHttp2Session
  readonly #opened: Promise<void>
  readonly #pinging: NodeJS.Timeout
  /** Streams that go on until they are closed; calls end by themselves. */
  readonly #standing = new Set<ClientHttp2Stream>()
  #streams = 0
  #isOpen = false
  #isEnded = false

  constructor({ endpoint, tls }: GrpcChannelOptions) {
    this.endpoint = endpoint
    this.#session = connect(endpoint, {
      ...tls,
      settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
    })
    this.#opened = this.#open()
    // Who waits is told; when nobody does, that is no rejection left unhandled.
    this.#opened.catch(() => undefined)
    this.#pinging = setInterval(() => this.#ping(), PING_MS).unref()
  }

  /** Whether calls can be made; a connection does not come back. */
  get isOpen(): boolean {
    return this.#isOpen && !this.#session.closed
  }

  /** Whether it is over, or never came to be. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Resolves when the connection stands; rejects with a {@link GrpcFailure} when it never will. */
  opened(): Promise<void> {
    return this.#opened
  }

  /**
   * One message there, one back.
   * @throws GrpcFailure
   */
  call(call: GrpcCall, timeoutMs: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      let reply: Uint8Array | undefined
      const timer = setTimeout(() => {
        stream?.close(constants.NGHTTP2_CANCEL)
        reject(new GrpcFailure(GRPC.deadlineExceeded, `no answer within ${timeoutMs} ms`, true))
      }, timeoutMs)
      const stream = this.#stream(call, {
        onMessage: (message) => {
          reply ??= message
        },
        onEnd: (failure) => {
          clearTimeout(timer)
          if (failure.status === GRPC.ok && reply !== undefined) resolve(reply)
          else reject(failure)
        },
      })
      stream?.end()
    })
  }

  /** One message there, any number back, until `close`. */
  stream(call: GrpcCall, handlers: GrpcStreamHandlers): { close(): void } {
    let isClosed = false
    const stream: ClientHttp2Stream | undefined = this.#stream(call, {
      onMessage: (message) => {
        if (!isClosed) handlers.onMessage(message)
      },
      onEnd: (failure) => {
        if (stream !== undefined) this.#standing.delete(stream)
        if (!isClosed) handlers.onEnd(failure)
      },
    })
    if (stream !== undefined) this.#standing.add(stream)
    return {
      close: () => {
        isClosed = true
        stream?.close(constants.NGHTTP2_CANCEL)
      },
    }
  }

  /** Takes no more: streams that stand are ended, calls may still get their answers, and then it hangs up. */
  retire(): void {
    if (this.#isEnded) return
    this.#isOpen = false
    this.#isEnded = true
    for (const stream of this.#standing) stream.close(constants.NGHTTP2_CANCEL)
    this.#session.close()
    // A connection that is dead would close for ever.
    setTimeout(() => this.destroy(), RETIRED_MS_MAX).unref()
  }

  /** Hangs up at once; every stream ends. */
  destroy(): void {
    this.#isOpen = false
    this.#isEnded = true
    clearInterval(this.#pinging)
    this.#session.destroy()
  }

  #open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => {
        clearTimeout(timer)
        this.destroy()
        reject(new GrpcFailure(GRPC.unavailable, `${this.endpoint}: ${reason}`, false))
      }
      const timer = setTimeout(
        () => fail(`no connection within ${CONNECT_MS_MAX} ms`),
        CONNECT_MS_MAX,
      )
      this.#session.once('connect', () => {
        // Given up before it stood; 'close' follows.
        if (this.#isEnded) return
        clearTimeout(timer)
        this.#isOpen = true
        this.#session.setLocalWindowSize(WINDOW_BYTES * 4)
        resolve()
      })
      // 'error' comes before the connection stands, or ends it; the streams on it say so themselves.
      this.#session.on('error', (error: Error) => fail(error.message))
      this.#session.on('close', () => fail('the connection ended'))
    })
  }

  #stream(call: GrpcCall, handlers: GrpcStreamHandlers): ClientHttp2Stream | undefined {
    if (!this.isOpen) {
      const failure = new GrpcFailure(GRPC.unavailable, `${this.endpoint}: not connected`, false)
      queueMicrotask(() => handlers.onEnd(failure))
      return undefined
    }
    const stream = this.#session.request({
      ':method': 'POST',
      ':path': call.path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...call.headers,
    })
    this.#streams += 1
    this.#listen(stream, handlers)
    stream.write(frameOf(call.message))
    return stream
  }

  #listen(stream: ClientHttp2Stream, handlers: GrpcStreamHandlers): void {
    const splitter = new MessageSplitter()
    let status: IncomingHttpHeaders = {}
    let error: Error | undefined
    const note = (headers: IncomingHttpHeaders): void => {
      // A call that failed at once has its status in the headers.
      if (headers['grpc-status'] !== undefined || isNotGrpc(headers)) status = headers
    }
    stream.on('response', note)
    stream.on('trailers', note)
    stream.on('data', (chunk: Uint8Array) => {
      for (const message of splitter.handleChunk(chunk)) handlers.onMessage(message)
      if (splitter.problem !== undefined) stream.close(constants.NGHTTP2_PROTOCOL_ERROR)
    })
    stream.on('error', (reason: Error) => {
      error = reason
    })
    stream.on('close', () => {
      this.#streams -= 1
      handlers.onEnd(
        failureFrom({ status, error, rstCode: stream.rstCode, problem: splitter.problem }),
      )
    })
  }

  #ping(): void {
    if (this.#streams === 0 || !this.isOpen) return
    const timer = setTimeout(() => this.destroy(), PING_ANSWER_MS_MAX)
    this.#session.ping(() => clearTimeout(timer))
  }
}

function isNotGrpc(headers: IncomingHttpHeaders): boolean {
  return headers[':status'] !== undefined && Number(headers[':status']) !== 200
}

/** How a stream ended; status 0 is an end without fault. */
function failureFrom(end: {
  status: IncomingHttpHeaders
  error: Error | undefined
  rstCode: number | undefined
  problem: string | undefined
}): GrpcFailure {
  const { status, error, rstCode, problem } = end
  if (problem !== undefined) return new GrpcFailure(GRPC.unavailable, problem, true)
  const code = status['grpc-status']
  if (typeof code === 'string') {
    return new GrpcFailure(Number(code), decodeURIComponentSafely(status['grpc-message']), true)
  }
  if (status[':status'] !== undefined) {
    return new GrpcFailure(
      GRPC.unavailable,
      `HTTP status ${Number(status[':status'])}, which no etcd server sends`,
      true,
    )
  }
  const hasLeft = rstCode !== constants.NGHTTP2_REFUSED_STREAM
  return new GrpcFailure(GRPC.unavailable, error?.message ?? 'the connection was lost', hasLeft)
}

/** gRPC sends messages percent-encoded; a stranger may not. */
function decodeURIComponentSafely(text: string | string[] | undefined): string {
  const said = Array.isArray(text) ? text.join(' ') : (text ?? '')
  try {
    return decodeURIComponent(said)
  } catch {
    // Not percent-encoded, then it stands for itself.
    return said
  }
}
