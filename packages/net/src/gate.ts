/**
 * Who may try to become a channel: a pure machine.
 *
 * A connection that has proved nothing takes one of a few places, and an address that failed too often waits: each failure
 * takes a token of its bucket, tokens come back with time, and without one nobody is let in. So guessing keys is slow, and a
 * flood of connections costs its places and nothing else. What the addresses failed with is not told to them.
 */
import {
  FAILED_ADDRESSES_MAX,
  FAILED_ATTEMPTS_BURST,
  FAILED_ATTEMPTS_PER_SECOND,
} from './limits.ts'

/** Why someone is not let in. */
export type GateVerdict = 'open' | 'full' | 'failing'

interface Bucket {
  tokens: number
  at: number
}

export class Gate {
  readonly #placesMax: number
  readonly #buckets = new Map<string, Bucket>()
  #taken = 0

  constructor(placesMax: number) {
    this.#placesMax = placesMax
  }

  /** Places that are taken. */
  get taken(): number {
    return this.#taken
  }

  /** Addresses that are remembered. */
  get remembered(): number {
    return this.#buckets.size
  }

  /** Takes a place for this address, if the answer is `open`. Whoever cannot be told apart has no address. */
  enter(address: string | undefined, now: number): GateVerdict {
    if (this.#taken >= this.#placesMax) return 'full'
    if (address !== undefined && this.#tokens(address, now) < 1) return 'failing'
    this.#taken += 1
    return 'open'
  }

  /** Gives the place back. */
  leave(): void {
    this.#taken -= 1
  }

  /** The address failed to prove itself. */
  handleFailed(address: string | undefined, now: number): void {
    if (address === undefined) return
    const tokens = this.#tokens(address, now)
    // Deleted first, so that the order of the map is that of the last failure.
    this.#buckets.delete(address)
    this.#buckets.set(address, { tokens: Math.max(0, tokens - 1), at: now })
    if (this.#buckets.size <= FAILED_ADDRESSES_MAX) return
    const oldest = this.#buckets.keys().next()
    if (oldest.done !== true) this.#buckets.delete(oldest.value)
  }

  #tokens(address: string, now: number): number {
    const bucket = this.#buckets.get(address)
    if (bucket === undefined) return FAILED_ATTEMPTS_BURST
    const back = ((now - bucket.at) / 1000) * FAILED_ATTEMPTS_PER_SECOND
    return Math.min(FAILED_ATTEMPTS_BURST, bucket.tokens + back)
  }
}
