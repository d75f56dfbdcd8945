/**
 * A protocol turns messages into bytes and back. It is registered by name; both sides of a channel must name the same.
 *
 * What is sent in one tick crosses as one batch: one frame, one write. A batch is simply its messages one after another, so
 * that each is written into the batch when it is sent: the sender learns at once when it cannot cross, may change it
 * afterwards, and what waits to be sent is counted in bytes. A protocol must therefore keep nothing between messages (lanes
 * overtake each other, too), and must see where one message ends and the next begins.
 */
import assert from 'node:assert'
import type { CodecParts, Writer } from '@epicserver/wire'

/** How messages cross. */
export interface Protocol<M = unknown> {
  /** What both sides call it; change it when the bytes change. */
  readonly name: string
  /** What the batch's writer is made with, for protocols that write values with refs in them. */
  readonly parts?: CodecParts
  /**
   * Writes one message behind those that the batch holds already.
   * @throws EpicError `CannotCross` when it cannot be written; what was written of it is then taken back.
   */
  encode(message: M, batch: Writer): void
  /**
   * Reads the messages of a batch. Must not throw and must bound what it allocates, whatever the bytes are.
   * @returns what is wrong with them; the channel is then destroyed and none of them is delivered.
   */
  decode(batch: Uint8Array, into: M[]): string | undefined
}

/**
 * Protocols by name.
 * @example
 * protocols.add('chat-2', chatProtocol)
 * const pipe = createPipe({ transport: unixTransport(), protocol: 'chat-2' })
 */
export class Protocols {
  readonly #byName = new Map<string, Protocol>()

  /** Registers a protocol under a name that is free. */
  add<M>(name: string, protocol: Protocol<M>): void {
    assert(!this.#byName.has(name), `the protocol "${name}" is registered already`)
    // What a channel is given is the protocol's own type of message: the pipe that names it says which.
    this.#byName.set(name, protocol as unknown as Protocol)
  }

  /** Forgets a name; says whether it was known. Open channels keep their protocol. */
  remove(name: string): boolean {
    return this.#byName.delete(name)
  }

  get(name: string): Protocol | undefined {
    return this.#byName.get(name)
  }

  names(): string[] {
    return [...this.#byName.keys()]
  }

  describe(): string {
    return `protocols ${this.names().join(', ') || 'none'}`
  }
}
