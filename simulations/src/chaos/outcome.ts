/** What a scenario says at its end. */
export interface Outcome {
  /** Printed as the last line with `--json`. */
  readonly report: Readonly<Record<string, unknown>>
  /** One sentence each; none where all is well. */
  readonly problems: readonly string[]
  /** Where the data and the log lie when there were problems. */
  readonly folder: string
}
