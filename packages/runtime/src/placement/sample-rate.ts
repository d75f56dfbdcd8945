/** How many events one sample stands for: a prime, so that what repeats in rounds is seen all around. */

/** Of so many turns, or calls to a node, one is looked at. */
export const SAMPLE_EVERY = 61
