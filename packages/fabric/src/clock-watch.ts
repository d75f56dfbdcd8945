/**
 * Notices time that the monotonic clock missed.
 *
 * A monotonic clock stands still while its machine is suspended; leases elsewhere run on. The wall clock does not stand still, so
 * a wall clock that ran ahead tells how long it was. A long gap means fencing at once. A short one is added to all later
 * instants, so that several short ones within one lease cannot add up unnoticed. A wall clock that was merely set forward
 * costs a shortened lease or an unneeded rejoin: the safe side.
 *
 * A wall clock that is set back while the machine is suspended hides the suspension (the simulation found it). So the time
 * since boot, which counts suspended time and cannot be set, is read too where there is one; of the two gaps the longer
 * counts. A virtual machine that its host stops has only the wall clock.
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
  #wallOffsetMs: number | undefined
  #uptimeOffsetMs: number | undefined
  #missedMs = 0

  constructor(boot: string, mutations: ReadonlySet<Mutation>) {
    this.#boot = boot
    this.#mutations = mutations
  }

  /** Whether there was a reading that later ones can be compared with. */
  get hasReading(): boolean {
    return this.#wallOffsetMs !== undefined
  }

  /** How much later it is than the monotonic clock says. */
  get missedMs(): number {
    return this.#missedMs
  }

  /** Takes a reading; returns why the member must stop, if it must. */
  handleReading(reading: ClockReading, now: number): FenceReason | undefined {
    const wallOffsetMs = reading.wallMs - now
    const uptimeOffsetMs = reading.uptimeMs === undefined ? undefined : reading.uptimeMs - now
    const gapMs = Math.max(
      gapBetween(this.#wallOffsetMs, wallOffsetMs),
      gapBetween(this.#uptimeOffsetMs, uptimeOffsetMs),
    )
    this.#wallOffsetMs = wallOffsetMs
    this.#uptimeOffsetMs = uptimeOffsetMs
    if (reading.boot !== this.#boot) return 'bootChanged'
    if (this.#mutations.has('clockStandsStill')) return undefined
    if (gapMs > CLOCK_NOISE_MS && !this.#mutations.has('shortGapsIgnored')) this.#missedMs += gapMs
    return gapMs > CLOCK_GAP_MS_MAX ? 'clockGap' : undefined
  }
}

function gapBetween(before: number | undefined, after: number | undefined): number {
  return before === undefined || after === undefined ? 0 : after - before
}
