// Makes docs/reference/limits.md of the `limits.ts` files: each limit with its value and the reason
// that stands above it in the source.

/** A file of limits, and what its module exports. */
export interface LimitsFile {
  readonly title: string
  readonly source: string
  readonly values: Readonly<Record<string, unknown>>
}

const intro = `# Limits

How much is too much, and why so much and not more?

Nothing here grows without bound: where a limit is reached, a call fails with an [error](errors.md) that names the limit (most often
\`Overloaded\`, which is safe to repeat, or \`MessageTooLarge\`), old things are put away, or a peer is cut off. The limits of
one class or operation (\`mailboxMax\`, \`idleAfterMs\`, \`timeoutMs\`, \`rate\`) are [settings](settings.md); those below hold for
all and are constants of the packages. Texts are counted in UTF-16 units, as JavaScript's \`length\` does.

`

/** The page, from its first line to its last. */
export function limitsPage(files: readonly LimitsFile[]): string {
  return `${intro}${files.map(section).join('\n')}`
}

interface Limit {
  readonly name: string
  readonly value: string
  readonly reason: string
}

function section({ title, source, values }: LimitsFile): string {
  const limits = [...constantsIn(source, values), ...membersIn(source, values)]
  const rows = limits.map(({ name, value, reason }) => `| ${name} | ${value} | ${reason} |`)
  const head = [`## ${title}`, '', '| limit | value | why |', '| --- | --- | --- |']
  return [...head, ...rows, '', ...notesIn(source, values)].join('\n')
}

const commented = String.raw`/\*\*((?:(?!\*/)[^])*)\*/\n`

/** A reason, and the constants right below it: numbers, or records of them. */
function constantsIn(source: string, values: LimitsFile['values']): Limit[] {
  const pattern = new RegExp(`${commented}((?:export const \\w+[^\\n]*\\n)+)`, 'g')
  return [...source.matchAll(pattern)].flatMap(([, comment = '', lines = '']) => {
    const names = [...lines.matchAll(/export const (\w+)/g)].map(([, name = '']) => name)
    return limitOf(names, (name) => [values[name]].filter((value) => !isRecord(value)), comment)
  })
}

/** Members of an interface with their reason, with the values of the constants that fulfil it. */
function membersIn(source: string, values: LimitsFile['values']): Limit[] {
  const pattern = new RegExp(`${commented}((?:  readonly \\w+[^\\n]*\\n)+)`, 'g')
  const records = Object.values(values).filter(isRecord)
  return [...source.matchAll(pattern)].flatMap(([, comment = '', lines = '']) => {
    const names = [...lines.matchAll(/readonly (\w+)/g)].map(([, name = '']) => name)
    return limitOf(names, (name) => records.map((record) => record[name]), comment)
  })
}

function limitOf(
  names: readonly string[],
  valuesOf: (name: string) => readonly unknown[],
  comment: string,
): Limit[] {
  const known = names
    .map((name) => ({ name, found: valuesOf(name).filter((value) => value !== undefined) }))
    .filter(({ found }) => found.length > 0)
  if (known.length === 0) return []
  const value = known.map(({ name, found }) =>
    [...new Set(found.map((each) => shown(name, each)))].join(' or '),
  )
  const name = known.map((each) => `\`${each.name}\``)
  return [{ name: name.join(', '), value: value.join(', '), reason: sentence(comment) }]
}

/** What stands above a constant that is an object: why its values are what they are. */
function notesIn(source: string, values: LimitsFile['values']): string[] {
  const pattern = new RegExp(`${commented}export const (\\w+)`, 'g')
  return [...source.matchAll(pattern)].flatMap(([, comment = '', name = '']) =>
    isRecord(values[name])
      ? [`\`${name}\`${listOf(source, values[name])}: ${paragraphs(comment)}`, '']
      : [],
  )
}

/** The members of a record whose interface, with their reasons, lies elsewhere. */
function listOf(source: string, record: Readonly<Record<string, unknown>>): string {
  if (/^ {2}readonly \w+/m.test(source)) return ''
  const members = Object.entries(record).map(([name, value]) => `\`${name}\` ${shown(name, value)}`)
  return ` (${members.join(', ')})`
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shown(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((each) => shown(name, each)).join(' to ')
  if (isRecord(value)) {
    return Object.entries(value)
      .map(([key, each]) => `${key} ${shown(name, each)}`)
      .join(', ')
  }
  if (typeof value !== 'number') return String(value)
  if (/bytes/i.test(name)) return bytes(value)
  if (/(Ms|_MS)(_?M(ax|in|AX|IN))?$/.test(name)) return duration(value)
  return value.toLocaleString('en')
}

function bytes(value: number): string {
  if (value >= 1024 ** 3 && value % 1024 ** 3 === 0) return `${value / 1024 ** 3} GB`
  if (value >= 1024 ** 2 && value % 1024 ** 2 === 0) return `${value / 1024 ** 2} MB`
  if (value >= 1024 && value % 1024 === 0) return `${value / 1024} KB`
  return `${value.toLocaleString('en')} bytes`
}

function duration(ms: number): string {
  if (ms >= 3_600_000 && ms % 3_600_000 === 0) return `${ms / 3_600_000} h`
  if (ms >= 60_000 && ms % 60_000 === 0) return `${ms / 60_000} min`
  return ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`
}

function sentence(comment: string): string {
  return plain(lines(comment).join(' ')).replaceAll('|', String.raw`\|`)
}

function paragraphs(comment: string): string {
  return plain(lines(comment).join('\n'))
}

function lines(comment: string): string[] {
  return comment.split('\n').map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
}

/** Without what only an editor understands. */
function plain(text: string): string {
  return text.replaceAll(/\{@link (\w+)\}/g, '`$1`').trim()
}
