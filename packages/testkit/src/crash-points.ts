/** Where the life of a process may end: at each of its effects on the world, and at each of the world's on it. */

/**
 * | point | the process dies |
 * | --- | --- |
 * | `timer` | as a timer of its own fires |
 * | `send` | with a batch in hand that it was about to send |
 * | `sent` | just after a batch left |
 * | `receive` | with a batch that arrived and was not read |
 * | `storeBegun` | before the state store had the request |
 * | `storeApplied` | when the state store has done it and nobody was told |
 * | `storeAnswered` | as it hears of it |
 * | `leaseBegun`, `leaseApplied`, `leaseAnswered` | the same for the cluster store |
 */
export const CRASH_POINTS = [
  'timer',
  'send',
  'sent',
  'receive',
  'storeBegun',
  'storeApplied',
  'storeAnswered',
  'leaseBegun',
  'leaseApplied',
  'leaseAnswered',
] as const

/** A place at which a simulated process may die. */
export type CrashPoint = (typeof CRASH_POINTS)[number]
