/**
 * The authority's end of one process's connection: requests in, answers and reports out.
 *
 * Every request gets one answer, in whatever order they come to be known. What the process holds here (watches, requests under
 * way) is bounded, and goes with the connection; its leases do not.
 */
import type { Socket } from 'node:net'
import { EngineClient } from '@epicserver/cluster-memory'
import type { ClusterEngine } from '@epicserver/cluster-memory'
import { isEpicError } from '@epicserver/contracts'
import type { Clock } from './clock.ts'
import {
  HELLO_MS_MAX,
  REPLY_BYTES_MAX,
  REPLY_ELEMENTS_MAX,
  REQUESTS_MAX,
  REQUEST_BYTES_MAX,
  REQUEST_ELEMENTS_MAX,
  WATCHES_MAX,
} from './limits.ts'
import { MessageStream } from './message-stream.ts'
import { PROTOCOL, parseRequest } from './messages.ts'
import type { Reply, Request } from './messages.ts'

/** What an {@link AuthorityConnection} is made of. */
export interface AuthorityConnectionOptions {
  readonly socket: Socket
  readonly engine: ClusterEngine
  readonly storeId: string
  readonly clock: Clock
  /** The connection is over; `problem` says what the process did that it must not. */
  readonly onEnd: (problem: string | undefined) => void
}

type Question = Exclude<Request, { kind: 'hello' | 'watch' | 'unwatch' }>

export class AuthorityConnection {
  readonly #options: AuthorityConnectionOptions
  readonly #client: EngineClient
  readonly #stream: MessageStream
  readonly #watches = new Map<number, { close(): void }>()
  readonly #helloTimer: { cancel(): void }
  #isGreeted = false
  #requests = 0

  constructor(options: AuthorityConnectionOptions) {
    this.#options = options
    this.#client = new EngineClient(options.engine)
    this.#stream = new MessageStream({
      socket: options.socket,
      receives: { bytesMax: REQUEST_BYTES_MAX, elementsMax: REQUEST_ELEMENTS_MAX },
      sends: { bytesMax: REPLY_BYTES_MAX, elementsMax: REPLY_ELEMENTS_MAX },
      onMessage: (message) => this.#handleMessage(message),
      onEnd: (problem) => this.#handleEnd(problem),
    })
    this.#helloTimer = options.clock.setTimer(
      () => this.#stream.destroy('no hello came'),
      HELLO_MS_MAX,
    )
  }

  close(): void {
    this.#stream.destroy()
  }

  #handleMessage(message: unknown): void {
    const parsed = parseRequest(message)
    if (parsed === undefined) return this.#stream.destroy('a request that cannot be')
    const { id, body } = parsed
    if (body.kind === 'hello') return this.#greet(id, body.protocol)
    if (!this.#isGreeted) return this.#stream.destroy('a request before hello')
    if (body.kind === 'watch') return this.#watch(id, body)
    if (body.kind === 'unwatch') return this.#unwatch(body.watch)
    if (this.#requests >= REQUESTS_MAX) {
      return this.#reply(id, {
        kind: 'failed',
        code: 'Overloaded',
        message: `Cannot take a request: ${REQUESTS_MAX} of this process are under way`,
      })
    }
    void this.#answer(id, body)
  }

  #greet(id: number, protocol: number): void {
    this.#helloTimer.cancel()
    if (protocol === PROTOCOL) {
      this.#isGreeted = true
      return this.#reply(id, {
        kind: 'welcome',
        protocol: PROTOCOL,
        storeId: this.#options.storeId,
      })
    }
    this.#reply(id, {
      kind: 'failed',
      code: 'Incompatible',
      message: `Cannot talk to this machine's authority: it speaks protocol ${PROTOCOL}, this process ${protocol}`,
    })
    this.#stream.close()
  }

  async #answer(id: number, question: Question): Promise<void> {
    this.#requests += 1
    try {
      this.#reply(id, { kind: 'done', result: await this.#ask(question) })
    } catch (error) {
      this.#reply(id, failureFrom(error))
    } finally {
      this.#requests -= 1
    }
  }

  #ask(question: Question): Promise<unknown> {
    switch (question.kind) {
      case 'get':
        return this.#client.get(question.key)
      case 'list':
        return this.#client.list(question.prefix)
      case 'txn':
        return this.#client.txn(question.txn)
      case 'grant':
        return this.#client.grant(question.ttlMs)
      case 'keepAlive':
        return this.#client.keepAlive(question.lease)
      case 'revoke':
        return this.#client.revoke(question.lease)
    }
  }

  #watch(id: number, { prefix, from }: { prefix: string; from: bigint }): void {
    if (this.#watches.has(id) || this.#watches.size >= WATCHES_MAX) {
      return this.#stream.destroy('a watch too many')
    }
    try {
      const watch = this.#client.watch(prefix, from, (events) => {
        if (events !== 'reset') return this.#reply(id, { kind: 'events', events })
        this.#watches.delete(id)
        this.#reply(id, { kind: 'reset' })
      })
      this.#watches.set(id, watch)
    } catch (error) {
      this.#reply(id, failureFrom(error))
    }
  }

  #unwatch(id: number): void {
    this.#watches.get(id)?.close()
    this.#watches.delete(id)
  }

  #reply(id: number, body: Reply): void {
    try {
      this.#stream.send([id, body])
    } catch (error) {
      // The answer is larger than a process accepts. A report of a watch cannot be left out: its process lists again.
      this.#stream.send([id, body.kind === 'events' ? { kind: 'reset' } : failureFrom(error)])
      if (body.kind === 'events') this.#unwatch(id)
    }
  }

  #handleEnd(problem: string | undefined): void {
    this.#helloTimer.cancel()
    this.#watches.clear()
    void this.#client.close()
    this.#options.onEnd(problem)
  }
}

function failureFrom(error: unknown): Reply {
  if (isEpicError(error)) return { kind: 'failed', code: error.code, message: error.message }
  const message = error instanceof Error ? error.message : String(error)
  return { kind: 'failed', code: 'Unknown', message: `The authority failed: ${message}` }
}
