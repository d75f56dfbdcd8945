/** A promise that was broken in a simulation. */

export class Violation extends Error {
  /** The checker that found it. */
  readonly rule: string
  /** When, in virtual milliseconds. */
  readonly atMs: number

  constructor(rule: string, message: string, atMs: number) {
    super(`${rule}: ${message}`)
    this.name = 'Violation'
    this.rule = rule
    this.atMs = atMs
  }
}
