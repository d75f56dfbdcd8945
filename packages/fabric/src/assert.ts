/** Stops the program where its own code is wrong; what the world does wrong is never an assertion. */
export function assert(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new Error(`Broken invariant: ${claim}`)
}
