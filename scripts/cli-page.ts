// Makes docs/reference/cli.md of the commands' own help, and of the table of exit codes in its source.

/** What the page needs of a command, as commander has it. */
export interface HelpfulCommand {
  name(): string
  description(): string
  helpInformation(): string
  configureOutput(output: { readonly getOutHelpWidth: () => number }): unknown
  readonly commands: readonly HelpfulCommand[]
}

const helpColumns = 100

const intro = `# The \`epic\` command

Which commands are there, and what can each be told?

\`npm install epicserver\` brings the command; \`npx epic <command> --help\` prints what stands here. \`call\`, \`ps\` and \`inspect\`
ask the app that runs over a data folder, through a socket in that folder which only its owner can open.

With \`--json\` a command prints one JSON object a line on stdout and errors as \`{"error":{"message":…,"code":…,"retry":…}}\` on
stderr. Logs go to stderr in either form.

`

/**
 * The page, from its first line to its last.
 * @param exitCodes - the source file that says them, with a table in its head
 */
export function cliPage(program: HelpfulCommand, exitCodes: string): string {
  const sections = [program, ...program.commands].map((command) => section(command, program))
  return `${intro}${sections.join('\n')}\n## Exit codes\n\n${tableIn(exitCodes)}\n`
}

function section(command: HelpfulCommand, program: HelpfulCommand): string {
  command.configureOutput({ getOutHelpWidth: () => helpColumns })
  const title = command === program ? 'epic' : `epic ${command.name()}`
  const help = command.helpInformation().trimEnd()
  return `## ${title}\n\n\`\`\`text\n${help}\n\`\`\`\n`
}

function tableIn(source: string): string {
  const rows = [...source.matchAll(/^ \* (\|.*\|)$/gm)].map(([, row = '']) => row)
  if (rows.length < 3) throw new Error('The head of the exit codes holds no table')
  return rows.join('\n')
}
