/**
 * The epoch of an activation: `partitionEpoch << 32 | counter`.
 *
 * A partition's epoch is the number of the view in which its owner last changed; the counter is kept by the owner. So epochs of
 * one entity grow strictly, across owners, without anyone writing a counter to disk.
 */

/** The epoch of the `counter`-th activation granted in a partition since its owner changed. */
export function makeEpoch(partitionEpoch: number, counter: number): bigint {
  return (BigInt(partitionEpoch) << 32n) | BigInt(counter)
}

/** The view in which the epoch's partition last changed its owner. */
export function partitionEpochOf(epoch: bigint): number {
  return Number(epoch >> 32n)
}

/** Prints an epoch as `view.counter`, the way logs show it. */
export function formatEpoch(epoch: bigint): string {
  return `${epoch >> 32n}.${epoch & 0xffffffffn}`
}
