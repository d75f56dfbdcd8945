/** What may be the name of a schema: it becomes part of statements, quoted, and of the names of channels. */
import { EpicError } from '@epicserver/contracts'

const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,47}$/

/**
 * Refuses what could be more than a name.
 * @throws EpicError `SettingsInvalid`
 */
export function checkSchemaName(schema: string): void {
  if (SCHEMA_NAME.test(schema)) return
  throw new EpicError(
    'SettingsInvalid',
    `Cannot use ${JSON.stringify(schema)} as a schema: it needs small letters, digits and "_", at most 48`,
  )
}
