/** What a scenario says at its end. */
import type { Trial } from './trial.ts'

export interface Outcome {
  /** Printed as the last line with `--json`. */
  readonly report: Readonly<Record<string, unknown>>
  /** One sentence each; none where all is well. */
  readonly problems: readonly string[]
  /** Where the data and the log lie when there were problems. */
  readonly folder: string
}

/** Ends a trial: the audit of the counters, beside what the scenario has to report and found wrong itself. */
export async function conclude(
  trial: Trial,
  report: Readonly<Record<string, unknown>>,
  ownProblems: readonly string[],
): Promise<Outcome> {
  const findings = await trial.finish()
  const { calls, unanswered, failed, failures, reasons } = trial.load
  const { lost, doubled, acknowledged, unknown } = findings
  const problems = [
    ...ownProblems,
    ...findings.problems,
    ...(unanswered > 0 ? [`${unanswered} increments had no outcome within 30 s`] : []),
  ]
  await trial.close(problems.length > 0)
  return {
    report: {
      ...report,
      lost,
      doubled,
      unanswered,
      failed,
      calls,
      acknowledged,
      unknown,
      failures,
      reasons,
    },
    problems,
    folder: trial.folder,
  }
}
