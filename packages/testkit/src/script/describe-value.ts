/** Values in the messages of failures: short, and with refs by their names. */
import { inspect } from 'node:util'
import { isEpicError } from '@epicserver/contracts'

export function describeValue(value: unknown): string {
  if (isEpicError(value)) return `EpicError ${value.code}: ${value.message}`
  if (value instanceof Error) return `${value.name}: ${value.message}`
  return inspect(value, {
    depth: 3,
    breakLength: Infinity,
    maxArrayLength: 10,
    maxStringLength: 200,
  })
}
