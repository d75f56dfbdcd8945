/**
 * How two sides of different age agree on what to speak.
 *
 * Each says the newest version that it speaks and the oldest that it still does. The newest that both know is spoken; where there is
 * none, they part. A program that speaks its own version and the one before can be rolled out one node at a time.
 */

/** What one side speaks. */
export interface Versions {
  readonly newest: number
  readonly oldest: number
}

/** The version that both speak, or `undefined`. */
export function agreedVersion(ours: Versions, theirs: Versions): number | undefined {
  const version = Math.min(ours.newest, theirs.newest)
  return version < Math.max(ours.oldest, theirs.oldest) ? undefined : version
}

/** As in `1 to 2`. */
export function printVersions({ newest, oldest }: Versions): string {
  return newest === oldest ? String(newest) : `${oldest} to ${newest}`
}
