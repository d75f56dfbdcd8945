/**
 * Which machines to knock at, of all that packets say: a pure machine over bytes.
 *
 * Each packet is judged and counted; only a beacon under our own key yields anything, and each of its addresses only once in a while. It
 * connects to nobody.
 */
import type { BeaconSeal } from './beacon.ts'
import { decodeDnsMessage } from './dns-message.ts'
import { isLinkLocal } from './ip-bytes.ts'
import { PACKET_BYTES_MAX, TRY_AGAIN_MS } from './limits.ts'
import { beaconsIn } from './service.ts'

/** What packets were, for metrics. */
export interface FinderCounts {
  readonly ours: number
  /** Beacons of other clusters. */
  readonly foreign: number
  /** Of this cluster, by a clock that is over half a minute off, or played back. */
  readonly stale: number
  /** With our tag and not under our key. */
  readonly forged: number
  /** Too long, or no DNS. */
  readonly malformed: number
}

/** A packet, and where it came in. */
export interface Packet {
  readonly bytes: Uint8Array
  /** The interface, which a link-local address is nothing without. */
  readonly scope: string | undefined
}

/** The present, by both clocks. */
export interface Now {
  readonly wallMs: number
  readonly monotonicMs: number
}

export class BeaconFinder {
  readonly #seal: BeaconSeal
  readonly #triedAt = new Map<string, number>()
  readonly #counts = { ours: 0, foreign: 0, stale: 0, forged: 0, malformed: 0 }

  constructor(seal: BeaconSeal) {
    this.#seal = seal
  }

  get counts(): FinderCounts {
    return { ...this.#counts }
  }

  /** Addresses to knock at now, as in `[fe80::1%eth0]:3030`; the best of a machine first. */
  handlePacket({ bytes, scope }: Packet, now: Now): string[] {
    const message = bytes.length > PACKET_BYTES_MAX ? undefined : decodeDnsMessage(bytes)
    if (message === undefined) {
      this.#counts.malformed += 1
      return []
    }
    this.#forget(now.monotonicMs)
    return beaconsIn(message).flatMap(({ beacon, entries }) => {
      const verdict = this.#seal.judge(beacon, entries, now.wallMs)
      this.#counts[verdict] += 1
      if (verdict !== 'ours') return []
      return beacon.addresses
        .map((address) => formatAddress(address, beacon.port, scope))
        .filter((address) => this.#mayTry(address, now.monotonicMs))
    })
  }

  #mayTry(address: string, now: number): boolean {
    if (this.#triedAt.has(address)) return false
    this.#triedAt.set(address, now)
    return true
  }

  /** Only who holds the key is in the map, so it stays as small as the cluster. */
  #forget(now: number): void {
    for (const [address, at] of this.#triedAt) {
      if (now - at >= TRY_AGAIN_MS) this.#triedAt.delete(address)
    }
  }
}

function formatAddress(address: string, port: number, scope: string | undefined): string {
  if (!address.includes(':')) return `${address}:${port}`
  const suffix = isLinkLocal(address) && scope !== undefined ? `%${scope}` : ''
  return `[${address}${suffix}]:${port}`
}
