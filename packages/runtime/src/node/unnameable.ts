/** Why what somebody wrote names no entity, or no operation of one. */
import { EpicError, entityIdProblem } from '@epicserver/contracts'
import type { ClassDescription } from '../model/class-description.ts'
import { nearest } from '../model/nearest.ts'

/**
 * The id, unless it is what a missing value leaves behind: as text, it would name the entity `undefined`.
 * @throws EpicError `InvalidId`
 */
export function checkedId(id: string | number): string | number {
  if (typeof id === 'string' || Number.isFinite(id)) return id
  throw new EpicError('InvalidId', `Cannot name an entity: its id is ${String(id)}`)
}

export function invalidId(type: string, id: string): EpicError {
  const problem = entityIdProblem(type, id) ?? 'the id is not allowed'
  return new EpicError('InvalidId', `Cannot name an entity of type ${type}: ${problem}`)
}

export function unknownType(type: string, known: readonly string[]): EpicError {
  const others = known.length === 0 ? 'none' : known.join(', ')
  return new EpicError(
    'UnknownType',
    `Cannot find entity type "${type}": the app has ${others}${nearest(type, known)}`,
  )
}

export function unknownOperation(
  attempt: string,
  { name, operations }: ClassDescription,
  operation: string,
): EpicError {
  const hint = nearest(operation, operations.keys())
  return new EpicError(
    'UnknownOperation',
    `${attempt}: ${name} has no operation ${operation}${hint}`,
  )
}
