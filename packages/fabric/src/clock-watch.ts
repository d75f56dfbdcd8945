/**
 * Notices time that the monotonic clock missed.
 *
 * A monotonic clock stands still while its machine is suspended; leases elsewhere run on. The wall clock does not stand still, so
 * a wall clock that ran ahead tells how long it was. A long gap means fencing at once. A short one is added to all later
 * instants, so that several short ones within one lease cannot add up unnoticed. A wall clock that was merely set forward
 * costs a shortened lease or an unneeded rejoin: the safe side. One that was set back is ignored.
 *
 * Another boot id means that the process was frozen and restored, perhaps twice, perhaps elsewhere: nothing can be trusted.
 */
import type { ClockReading, FenceReason } from './effects.ts'
import { CLOCK_GAP_MS_MAX, CLOCK_NOISE_MS } from './limits.ts'
import type { Mutation } from './mutation.ts'

/** Follows one process's clocks. */
export class ClockWatch {
  readonly #boot: string
  readonly #mutations: ReadonlySet<Mutation>
  #offsetMs: number | undefined
  #missedMs = 0

  constructor(boot: string, mutations: ReadonlySet<Mutation>) {
    this.#boot = boot
    this.#mutations = mutations
  }

  /** How much later it is than the monotonic clock says. */
  get missedMs(): number {
    return this.#missedMs
  }

  /** Takes a reading; returns why the member must stop, if it must. */
  handleReading(reading: ClockReading, now: number): FenceReason | undefined {
    const offsetMs = reading.wallMs - now
    const gapMs = offsetMs - (this.#offsetMs ?? offsetMs)
    this.#offsetMs = offsetMs
    if (reading.boot !== this.#boot) return 'bootChanged'
    if (this.#mutations.has('clockStandsStill')) return undefined
    if (gapMs > CLOCK_NOISE_MS && !this.#mutations.has('shortGapsIgnored')) this.#missedMs += gapMs
    return gapMs > CLOCK_GAP_MS_MAX ? 'clockGap' : undefined
  }
}
