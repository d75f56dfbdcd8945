/**
 * For tests in which no server fails: three servers, on a machine that runs other tests beside them, may take
 * longer for an answer than the attempt of a node that has a lease to keep.
 */
export const patience = { requestMs: 60_000, attemptMs: 20_000 } as const
