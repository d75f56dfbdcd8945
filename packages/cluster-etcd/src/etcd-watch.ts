/**
 * One watch: a stream that is opened again, from where it was, until it is closed or its past is gone.
 *
 * Each watch has a stream of its own, so that one that is slow or refused disturbs no other; a node has three. etcd never splits a
 * revision over two answers unless it is asked to (`fragment`), which it is not.
 *
 * | the stream | what follows |
 * | --- | --- |
 * | reports events | they are handed on, and the place moves behind them |
 * | says that the past is compacted | `reset`, and the watch is over |
 * | is of another cluster than before | `reset`: its revisions mean something else |
 * | ends otherwise | it is opened again after a pause, with the next server |
 */
import type { Rev } from '@epicserver/contracts'
import type { EtcdConnection } from './etcd-connection.ts'
import { WATCH, decodeWatch, encodeWatch } from './etcd-messages.ts'
import type { EtcdEvent, EtcdHeader, EtcdWatchReply } from './etcd-messages.ts'
import { GRPC, GrpcFailure } from './grpc-failure.ts'
import { RETRY_MS_MAX, RETRY_MS_MIN } from './limits.ts'

/** What an {@link EtcdWatch} is made of. */
export interface EtcdWatchOptions {
  readonly connection: EtcdConnection
  readonly prefix: Uint8Array
  /** The revision after which it begins. */
  readonly from: Rev
  readonly onEvents: (events: readonly EtcdEvent[]) => void
  /** The past is gone; nothing follows. */
  readonly onReset: () => void
  /** Whether this is still the cluster that it was. */
  readonly isSameCluster: (header: EtcdHeader) => boolean
}

export class EtcdWatch {
  readonly #options: EtcdWatchOptions
  #rev: Rev
  #stream: { close(): void } | undefined
  #retryMs = RETRY_MS_MIN
  #retry: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: EtcdWatchOptions) {
    this.#options = options
    this.#rev = options.from
    this.#open()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#retry)
    this.#stream?.close()
  }

  #open(): void {
    const { connection, prefix } = this.#options
    const call = { path: WATCH, message: encodeWatch(prefix, this.#rev + 1n) }
    let isOver = false
    const opening = connection.stream(call, {
      onMessage: (message) => this.#handleMessage(message),
      onEnd: (failure) => {
        isOver = true
        this.#handleEnd(failure)
      },
    })
    opening.then(
      (stream) => {
        this.#stream = stream
        // Closed, or over, while it was being opened.
        if (this.#isClosed) stream.close()
        else if (isOver) this.#stream = undefined
      },
      (error: unknown) => this.#handleEnd(error),
    )
  }

  #handleMessage(message: Uint8Array): void {
    if (this.#isClosed) return
    const reply = decodeWatch(message)
    if (reply === undefined) {
      return this.#again(new GrpcFailure(GRPC.unavailable, 'an answer that cannot be', true))
    }
    if (reply.compactRev > 0n || !this.#options.isSameCluster(reply.header)) return this.#reset()
    if (reply.isCanceled) {
      return this.#again(new GrpcFailure(GRPC.unavailable, reply.cancelReason, true))
    }
    this.#report(reply)
  }

  #report({ events }: EtcdWatchReply): void {
    this.#retryMs = RETRY_MS_MIN
    // After coming back a server may repeat what was reported already; nothing is reported twice.
    const news = events.filter((event) => event.rec.rev > this.#rev)
    const last = news.at(-1)
    if (last === undefined) return
    this.#rev = last.rec.rev
    this.#options.onEvents(news)
  }

  #reset(): void {
    this.close()
    this.#options.onReset()
  }

  #again(failure: GrpcFailure): void {
    this.#stream?.close()
    this.#handleEnd(failure)
  }

  #handleEnd(failure: unknown): void {
    if (this.#isClosed) return
    this.#stream = undefined
    if (failure instanceof GrpcFailure) this.#options.connection.handleRefusedStream(failure)
    this.#retry = setTimeout(() => this.#open(), this.#retryMs)
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX)
  }
}
