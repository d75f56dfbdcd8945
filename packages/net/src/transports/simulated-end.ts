/**
 * One end of a simulated connection.
 *
 * | state | on `end()` | on their end | on `destroy()` or a crash |
 * | --- | --- | --- | --- |
 * | open | ending: says so, awaits theirs | over: says so too | over: says so, unless silent |
 * | ending | ending | over | over |
 * | over | over | over | over |
 */
import type { ByteLink, ByteLinkEvents } from '../link.ts'
import type { PeerAddress } from '../peer-address.ts'
import { CONGESTED_BYTES } from '../limits.ts'

/** Something on its way from one host to another. */
export interface Parcel {
  readonly from: string
  readonly to: string
  readonly kind: 'connect' | 'accept' | 'refuse' | 'bytes' | 'end' | 'reset'
  /** What it would weigh on a wire. */
  readonly bytes: number
  /** Lets it arrive; calling it again does nothing. */
  arrive(): void
}

/** A parcel that arrives once, whatever the network does. */
export function parcelOf(about: Omit<Parcel, 'arrive'>, handleArrival: () => void): Parcel {
  let hasArrived = false
  return {
    ...about,
    arrive: () => {
      if (hasArrived) return
      hasArrived = true
      handleArrival()
    },
  }
}

/** What a {@link SimulatedEnd} is made with. */
export interface SimulatedEndParts {
  readonly host: string
  readonly other: string
  readonly carry: (parcel: Parcel) => void
  readonly handleOver: (end: SimulatedEnd) => void
}

const NO_BYTES = new Uint8Array(0)

export class SimulatedEnd implements ByteLink {
  readonly kind = 'bytes'
  readonly peer: PeerAddress
  readonly binding: Uint8Array = NO_BYTES
  /** Written and not arrived: what the buffers of both kernels would hold. */
  pendingBytes = 0
  readonly #parts: SimulatedEndParts
  #other: SimulatedEnd | null = null
  #events: ByteLinkEvents | null = null
  #state: 'open' | 'ending' | 'over' = 'open'
  #sent = 0
  #received = 0
  /** What came before its turn, by its number. */
  readonly #early = new Map<number, () => void>()
  readonly #beforeStart: Uint8Array[] = []
  #corked: Uint8Array[] | null = null

  constructor(parts: SimulatedEndParts) {
    this.#parts = parts
    this.peer = { transport: 'simulated', host: parts.other }
  }

  /** Makes two ends one connection. */
  join(other: SimulatedEnd): void {
    this.#other = other
    other.#other = this
  }

  start(events: ByteLinkEvents): void {
    this.#events = events
    for (const chunk of this.#beforeStart.splice(0)) events.bytes(chunk)
    if (this.#state === 'over') events.ended(undefined)
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== 'open') return
    this.pendingBytes += bytes.length
    if (this.#corked === null) this.#sendBytes(bytes)
    else this.#corked.push(bytes)
  }

  cork(): void {
    this.#corked ??= []
  }

  uncork(): void {
    const chunks = this.#corked ?? []
    this.#corked = null
    if (chunks.length > 0 && this.#state === 'open') this.#sendBytes(Buffer.concat(chunks))
  }

  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    this.#sendEnd('end')
  }

  destroy(): void {
    if (this.#state === 'open') this.#sendEnd('end')
    this.#finish(undefined)
  }

  /** The host stopped. */
  crash(isSilent: boolean): void {
    if (this.#state !== 'over' && !isSilent) this.#sendEnd('reset')
    this.#finish(undefined)
  }

  #sendBytes(bytes: Uint8Array): void {
    this.#send('bytes', bytes.length, () => {
      this.#handleArrived(bytes.length)
      return (other) => other.#handleBytes(bytes)
    })
  }

  #sendEnd(kind: 'end' | 'reset'): void {
    this.#send(kind, 0, () => (other) => other.#handleEnd(kind))
  }

  #send(kind: Parcel['kind'], bytes: number, arrived: () => (other: SimulatedEnd) => void): void {
    const { host, other: to, carry } = this.#parts
    const number = this.#sent
    this.#sent += 1
    const other = this.#other
    const parcel = parcelOf({ from: host, to, kind, bytes }, () => {
      const handle = arrived()
      if (other !== null) other.#handleInOrder(number, () => handle(other))
    })
    carry(parcel)
  }

  #handleArrived(bytes: number): void {
    const wasCongested = this.pendingBytes >= CONGESTED_BYTES
    this.pendingBytes -= bytes
    if (wasCongested && this.pendingBytes < CONGESTED_BYTES && this.#state !== 'over') {
      this.#events?.writable()
    }
  }

  #handleInOrder(number: number, handle: () => void): void {
    this.#early.set(number, handle)
    for (;;) {
      const next = this.#early.get(this.#received)
      if (next === undefined || this.#state === 'over') return
      this.#early.delete(this.#received)
      this.#received += 1
      next()
    }
  }

  #handleBytes(bytes: Uint8Array): void {
    if (this.#events === null) this.#beforeStart.push(bytes)
    else this.#events.bytes(bytes)
  }

  #handleEnd(kind: 'end' | 'reset'): void {
    if (this.#state === 'open') this.#sendEnd('end')
    this.#finish(kind === 'reset' ? new Error('the connection was reset') : undefined)
  }

  #finish(cause: Error | undefined): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#early.clear()
    this.#parts.handleOver(this)
    this.#events?.ended(cause)
  }
}
