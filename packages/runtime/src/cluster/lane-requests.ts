/**
 * Questions that nodes ask each other once in each lane: that one is answered, on the lane by which it came, says something of all that
 * came before it on that lane.
 */
import type { Priority } from '@epicserver/kernel'
import type { PeerLink } from './peer-link.ts'

/** Has all arrived? */
export const SWEEP_REQUEST = '@sweep'
/** Has all begun, or come back? */
export const CONFIRM_REQUEST = '@confirm'

/** The lanes of calls. */
export const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low']

const LANE_REQUESTS: ReadonlySet<string> = new Set([SWEEP_REQUEST, CONFIRM_REQUEST])

/** Asks in each lane. */
export function askInEachLane(
  link: PeerLink,
  what: typeof SWEEP_REQUEST | typeof CONFIRM_REQUEST,
  timeLeftMs: number,
): Promise<unknown>[] {
  return PRIORITIES.map((lane) => link.ask(what, [lane], { timeLeftMs, lane }))
}

/** The lane on which a request is answered; `high`, unless it is one of these. */
export function laneOfAnswer(what: string, [lane]: readonly unknown[]): Priority {
  if (!LANE_REQUESTS.has(what)) return 'high'
  return PRIORITIES.find((each) => each === lane) ?? 'high'
}
