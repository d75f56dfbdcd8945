/**
 * A file with options of `epic run`, as JSON: `{ "cluster": "etcds://…", "state": "postgres://…", "zone": "a", "processes": 4 }`.
 *
 * Names are those of the options, without hyphens. What the command line or the environment says counts more. A name that is no option is
 * refused, since a mistyped one would silently be something else's default.
 */
import { readFile, stat } from 'node:fs/promises'
import { EpicError } from '@epicserver/contracts'
import { hasPassword, unreadable } from '@epicserver/runtime/host'
import type { Command, Option } from 'commander'

/** Others must not read what is secret. */
const OTHERS_MODE = 0o077

/**
 * Gives the options that nobody else has said their values from the file.
 * @throws EpicError `FileNotFound`, `SettingsInvalid`, `DataFolderUnsafe`
 */
export async function applyConfigFile(command: Command, file: string): Promise<void> {
  const { text, mode } = await read(file)
  for (const [name, value] of Object.entries(parse(file, text))) {
    const option = command.options.find((each) => each.attributeName() === name)
    if (option === undefined || name === 'config') throw unknownOption(command, { file, name })
    const isSecret = typeof value === 'string' && hasPassword(value)
    if (isSecret && (mode & OTHERS_MODE) !== 0) {
      throw new EpicError(
        'DataFolderUnsafe',
        `Cannot use the password in "${file}": other users may read it. Take that from them: chmod 600 ${file}`,
      )
    }
    const source = command.getOptionValueSource(name)
    if (source === undefined || source === 'default')
      command.setOptionValueWithSource(name, valueOf(option, { file, value }), 'config')
  }
}

async function read(file: string): Promise<{ readonly text: string; readonly mode: number }> {
  try {
    return { text: await readFile(file, 'utf8'), mode: (await stat(file)).mode }
  } catch (cause) {
    throw unreadable(`Cannot read the settings in "${file}"`, cause)
  }
}

function parse(file: string, text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot read "${file}": ${withoutContent((error as Error).message)}`,
    )
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw new EpicError('SettingsInvalid', `Cannot read "${file}": it holds no JSON object`)
}

/** What is wrong with a text, without the piece of it that the parser shows: a password may be there. */
function withoutContent(message: string): string {
  return message.replace(/, (?:\.\.\.)?".*/s, ' where JSON has none')
}

/** As the command line would have it: switches are true or false, all else is checked by the option itself. */
function valueOf(
  option: Option,
  { file, value }: { readonly file: string; readonly value: unknown },
): unknown {
  const wrong = (why: string): EpicError =>
    new EpicError('SettingsInvalid', `Cannot use "${option.attributeName()}" in "${file}": ${why}`)
  if (option.isBoolean()) {
    if (typeof value === 'boolean') return value
    throw wrong('it is true or false')
  }
  if (typeof value !== 'string' && typeof value !== 'number')
    throw wrong('it is a text or a number')
  if (option.parseArg === undefined) return String(value)
  try {
    return option.parseArg(String(value), undefined)
  } catch (error) {
    throw wrong((error as Error).message)
  }
}

function unknownOption(
  command: Command,
  { file, name }: { readonly file: string; readonly name: string },
): EpicError {
  const known = command.options
    .map((option) => option.attributeName())
    .filter((each) => each !== 'config')
  return new EpicError(
    'SettingsInvalid',
    `Cannot use "${name}" in "${file}": epic run has no such option. It has ${known.join(', ')}`,
  )
}
