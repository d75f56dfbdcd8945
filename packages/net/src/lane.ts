/**
 * The lanes of a channel. Within a lane messages arrive in order; between lanes they overtake.
 *
 * | lane | for | when there is no room |
 * | --- | --- | --- |
 * | control | what keeps the cluster alive; never behind users' traffic | `Overloaded` |
 * | high, normal, low | users' traffic, by urgency | `Overloaded` |
 * | unreliable | what the next one makes worthless: positions, cursors | dropped, or replaced by key |
 */

/** All lanes, most urgent first. */
export const LANES = ['control', 'high', 'normal', 'low', 'unreliable'] as const

/** The name of a lane. */
export type Lane = (typeof LANES)[number]

/** A lane that loses nothing. */
export type ReliableLane = Exclude<Lane, 'unreliable'>

/** A value for each lane that loses nothing. */
export type PerLane<T> = Readonly<Record<ReliableLane, T>>

/** A lane as it crosses the wire: its place in {@link LANES}. */
export type LaneIndex = number

export const CONTROL = 0
const HIGH = 1
export const NORMAL = 2
export const LOW = 3
export const UNRELIABLE = 4

/** How many lanes have credits. */
export const RELIABLE_LANES = 4

/** The place of a lane. A switch, since this stands on the path of each message. */
export function laneIndex(lane: Lane | undefined): LaneIndex {
  switch (lane) {
    case undefined:
    case 'normal':
      return NORMAL
    case 'control':
      return CONTROL
    case 'high':
      return HIGH
    case 'low':
      return LOW
    case 'unreliable':
      return UNRELIABLE
  }
}

/** The name of the lane at this place. */
export function laneName(index: LaneIndex): Lane {
  return LANES[index] as Lane
}
