/** `epic call Player/bob getScore '[]'`. */
import { EpicError, parseEntityId } from '@epicserver/contracts'
import { ask } from '../ask.ts'
import { printJson, printLine } from '../output.ts'

export async function callCommand(
  entity: string,
  operation: string,
  argumentsText: string,
  options: { readonly data: string; readonly json?: boolean },
): Promise<void> {
  const { type, id } = parseEntityId(entity)
  const value = await ask(options.data, {
    ask: 'call',
    type,
    id,
    operation,
    args: parseArguments(argumentsText),
  })
  if (options.json === true) printJson({ result: value ?? null })
  else
    printLine(value === undefined || value === null ? 'done' : JSON.stringify(value, undefined, 2))
}

function parseArguments(text: string): unknown[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new EpicError('InvalidId', `Cannot read the arguments ${text}: they are no JSON`, {
      cause,
    })
  }
  if (!Array.isArray(value))
    throw new EpicError(
      'InvalidId',
      `Cannot use the arguments ${text}: write a JSON list, as in '["sword", 3]'`,
    )
  return value
}
