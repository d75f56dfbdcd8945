/**
 * Writers that are lent to open batches.
 *
 * A channel holds one only from the first message of a tick to its end, so ten thousand idle channels hold none, and a busy
 * one always gets a buffer that has grown to its size already.
 */
import { Writer } from '@epicserver/wire'
import type { Protocol } from './protocol.ts'

/** Writers kept for a protocol: as many lanes of channels as are likely to be busy in one tick. */
const KEPT_MAX = 64

/** A writer that one large message blew up is not kept: all of them together hold 16 MB at most. */
const KEPT_BYTES_MAX = 256 * 1024

const pools = new WeakMap<object, WriterPool>()

export class WriterPool {
  readonly #free: Writer[] = []
  readonly #protocol: Pick<Protocol, 'parts'>

  constructor(protocol: Pick<Protocol, 'parts'>) {
    this.#protocol = protocol
  }

  /** The pool that all channels of this protocol share. */
  static of(protocol: Pick<Protocol, 'parts'>): WriterPool {
    const known = pools.get(protocol)
    if (known !== undefined) return known
    const pool = new WriterPool(protocol)
    pools.set(protocol, pool)
    return pool
  }

  /** An empty writer. */
  take(): Writer {
    return this.#free.pop() ?? new Writer(this.#protocol.parts ?? {})
  }

  give(writer: Writer): void {
    writer.reset()
    if (this.#free.length < KEPT_MAX && writer.buffer.length <= KEPT_BYTES_MAX)
      this.#free.push(writer)
  }
}
