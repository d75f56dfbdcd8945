/** Operations that every entity has and that are the runtime's own; `@` keeps their names apart from methods. */
import type { Priority } from '@epicserver/kernel'
import { internalOperation, type OperationDescription } from '../model/class-description.ts'

const notCallable = (): never => {
  throw new Error('An internal operation is performed by the node, not by a method')
}

/** Creates the entity with initial fields. */
export const createOperation: OperationDescription = {
  ...internalOperation('@create', notCallable),
  isPlain: false,
}

/** Runs a closure that a timer was given. */
export const closureOperation: OperationDescription = internalOperation('@closure', (run) =>
  (run as () => unknown)(),
)

/** Runs `onActivate` and `onDeactivate`. */
export const hookOperation: OperationDescription = internalOperation('@hook', notCallable)

/** Does nothing: that it is answered says that its entity lives. */
export const pingOperation: OperationDescription = internalOperation('@ping', () => undefined)

/** Does nothing, in one lane: what was sent in that lane before it has arrived when it is answered. */
export const sweepOperations: Readonly<Record<Priority, OperationDescription>> = {
  high: sweep('high'),
  normal: sweep('normal'),
  low: sweep('low'),
}

export function isSweep(operation: OperationDescription): boolean {
  return sweepOperations[operation.priority] === operation
}

function sweep(priority: Priority): OperationDescription {
  return { ...internalOperation(`@sweep-${priority}`, () => undefined), priority }
}

/** Those that may come from another node, by name. */
export const REMOTE_OPERATIONS: ReadonlyMap<string, OperationDescription> = new Map([
  [createOperation.name, createOperation],
  [pingOperation.name, pingOperation],
  ...Object.values(sweepOperations).map((each) => [each.name, each] as const),
])
