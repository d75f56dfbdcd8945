/** `epic call Player/bob getScore '[]'`. */
import { parseEntityId } from '@epicserver/contracts'
import { InvalidArgumentError } from 'commander'
import { ask } from '../ask.ts'
import { printJson, printLine } from '../output.ts'

export async function callCommand(
  entity: string,
  operation: string,
  args: readonly unknown[],
  options: { readonly data: string; readonly json?: boolean },
): Promise<void> {
  const { type, id } = parseEntityId(entity)
  const value = await ask(options.data, {
    ask: 'call',
    type,
    id,
    operation,
    args,
  })
  if (options.json === true) printJson({ result: value ?? null })
  else
    printLine(value === undefined || value === null ? 'done' : JSON.stringify(value, undefined, 2))
}

/** Reads the arguments of a call, as the command line has them. */
export function jsonList(text: string): unknown[] {
  const value = parseJson(text)
  if (Array.isArray(value)) return value
  throw new InvalidArgumentError(`Write a JSON list, as in '["sword", 3]'.`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // which is no list either
  }
}
