/** A message to many channels: encoded once for each protocol among them. */
import type { Carrier } from './carrier.ts'
import type { Protocol } from './protocol.ts'

export class SharedMessage<M> {
  readonly message: M
  readonly #bytes = new Map<Protocol<M>, Uint8Array>()

  constructor(message: M) {
    this.message = message
  }

  /** Its bytes, or `undefined` for a carrier that hands messages over as they are. */
  bytesFor(carrier: Carrier<M>, protocol: Protocol<M>): Uint8Array | undefined {
    if (!carrier.isEncoding) return undefined
    const known = this.#bytes.get(protocol)
    if (known !== undefined) return known
    const bytes = carrier.encodeOnce(this.message)
    this.#bytes.set(protocol, bytes)
    return bytes
  }
}
