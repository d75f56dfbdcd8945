/** Waiting for the database, but not for ever. */

/** The database did not even say that it gave up. */
class NoAnswer extends Error {}

/**
 * What `answer` brings, if it comes in time. What the database does meanwhile goes on.
 * @throws an error that `meaningOf` counts as "may be done"
 */
export function withDeadline<Result>(answer: Promise<Result>, ms: number): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new NoAnswer(`no answer within ${Math.round(ms)} ms`)),
      ms,
    )
    answer.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
