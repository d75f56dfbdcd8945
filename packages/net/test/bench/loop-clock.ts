/** The ways to find the end of a tick that are compared. */
import { systemClock } from '@epicserver/net'
import type { Clock } from '@epicserver/net'

export const ENDS_OF_TICK = {
  /** After the sockets of this turn of the event loop were read. */
  immediate: (fn: () => void): void => void setImmediate(fn),
  /** After the callback that is running, before its promises go on. */
  nextTick: (fn: () => void): void => process.nextTick(fn),
  /** Among the promises that go on now. */
  microtask: (fn: () => void): void => queueMicrotask(fn),
  /** After all promises that go on now. */
  settled: (fn: () => void): void => queueMicrotask(() => process.nextTick(fn)),
} as const

export type EndOfTick = keyof typeof ENDS_OF_TICK

export function clockWith(end: EndOfTick): Clock {
  return { ...systemClock, defer: ENDS_OF_TICK[end] }
}
