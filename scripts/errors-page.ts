// Makes docs/reference/errors.md of the catalogue of error codes.

/** What the catalogue says of a code, as `@epicserver/contracts` has it. */
export interface CodeEntry {
  readonly retry: string
  readonly meaning: string
  readonly remedy: string
}

const intro = `# Errors

What does this error code mean, and may I try again?

Every error that Epic Server itself raises is an \`EpicError\`: it has a \`code\`, a \`message\` that says what was attempted and
what was found, \`details\`, and \`retry\`. What an operation of yours throws arrives as it was thrown, with its name, message,
\`code\` and \`data\`, and without its stack.

| \`retry\` | means | so |
| --- | --- | --- |
| \`never\` | it will fail again | mend something first |
| \`safe\` | it certainly did not run | repeat it, after a pause |
| \`unknown\` | it may have run | ask for the state, or make the operation \`idempotent\` and repeat |

The table has each code's usual \`retry\`. A single error may know better: a \`Timeout\` of a call that never left its process is
\`safe\`. So look at the error, not at the table. [Calls and errors](../guides/calls-and-errors.md) shows how.

`

/** The page, from its first line to its last. */
export function errorsPage(codes: Readonly<Record<string, CodeEntry>>): string {
  const rows = Object.entries(codes).map(
    ([code, { retry, meaning, remedy }]) => `| \`${code}\` | ${retry} | ${meaning} | ${remedy} |`,
  )
  const head = ['| code | retry | what happened | what to do |', '| --- | --- | --- | --- |']
  return `${intro}${[...head, ...rows].join('\n')}\n`
}
