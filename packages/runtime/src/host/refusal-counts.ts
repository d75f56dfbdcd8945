/** Those who came to a node or to a machine's desk and were not let in, by why. */
import type { PipeCounts } from '@epicserver/net'

export interface RefusalCounts {
  readonly unauthorized: number
  readonly incompatible: number
  readonly broken: number
  /** Gave up, or took too long. */
  readonly lost: number
  /** For whom there was no room, or who had failed too often. */
  readonly turnedAway: number
}

export function refusalsIn(counts: readonly PipeCounts[]): RefusalCounts {
  const sum = (pick: (count: PipeCounts) => number): number =>
    counts.reduce((total, count) => total + pick(count), 0)
  return {
    unauthorized: sum(({ unauthorized }) => unauthorized),
    incompatible: sum(({ incompatible }) => incompatible),
    broken: sum(({ broken, brokenChannels }) => broken + brokenChannels),
    lost: sum(({ lost, timedOut }) => lost + timedOut),
    turnedAway: sum(({ refusedFull, refusedFailing }) => refusedFull + refusedFailing),
  }
}
