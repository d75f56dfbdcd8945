/** Stops the program where its own code is wrong; what the world does wrong is never an assertion. */
export function assert(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new BrokenInvariant(claim)
}

/** A mistake in the program. */
export class BrokenInvariant extends Error {
  constructor(claim: string) {
    super(`Broken invariant: ${claim}`)
    this.name = 'BrokenInvariant'
  }
}
