/** How many packets are read: a pure machine. Beyond so many in a second nothing more is, until a pause is over. */
import { FLOOD_PAUSE_MS, PACKETS_PER_SECOND } from './limits.ts'

const SECOND_MS = 1_000

export class FloodGate {
  #windowAt = -Infinity
  #taken = 0
  #floods = 0

  /** How often it was too much. */
  get floods(): number {
    return this.#floods
  }

  /** 0 when the packet may be read, else for how long to stop listening. */
  handlePacket(now: number): number {
    if (now - this.#windowAt >= SECOND_MS) {
      this.#windowAt = now
      this.#taken = 0
    }
    this.#taken += 1
    if (this.#taken <= PACKETS_PER_SECOND) return 0
    this.#floods += 1
    this.#windowAt = -Infinity
    return FLOOD_PAUSE_MS
  }
}
