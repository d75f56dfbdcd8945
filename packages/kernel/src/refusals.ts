/**
 * The errors with which the kernel ends a call that will not run. In each case it certainly did
 * not.
 */
import { EpicError } from '@epicserver/contracts'
import { nameOfEntity, type Activation } from './activation.ts'
import type { Call } from './call.ts'
import { formatCycle, nameOf } from './deadlock.ts'

export function mailboxFull(activation: Activation): EpicError {
  const entity = nameOfEntity(activation)
  const holds = `its mailbox holds ${activation.accepted} of ${activation.type.plan.mailboxMax} calls`
  return new EpicError('Overloaded', `Cannot call ${entity}: ${holds}`)
}

export function chainTooLong(activation: Activation, call: Call): EpicError {
  const target = `${call.operation.name} of ${nameOfEntity(activation)}`
  return new EpicError(
    'CallTooDeep',
    `Cannot call ${target}: the chain is ${call.depth} calls long`,
  )
}

export function tooManyPending(call: Call, pending: number): EpicError {
  const { name } = call.operation
  return new EpicError(
    'Overloaded',
    `Cannot call ${name}: ${pending} calls of this node wait already`,
  )
}

export function memoryFull(entity: string, bytes: number, bytesMax: number): EpicError {
  const found = `entities take ${bytes} of ${bytesMax} bytes`
  return new EpicError('Overloaded', `Cannot activate "${entity}": ${found}`)
}

export function nodeStopping(entity: string): EpicError {
  return new EpicError('NodeStopping', `Cannot activate "${entity}": the node is stopping`)
}

export function startedTooLate(call: Call): EpicError {
  const message = `Cannot call ${nameOf(call)}: its deadline passed before it could start`
  return new EpicError('Timeout', message, { retry: 'safe' })
}

export function deadlocked(call: Call, names: readonly string[]): EpicError {
  const cycle = formatCycle(names)
  const message = `Cannot call ${nameOf(call)}: ${cycle} wait for each other`
  return new EpicError('Deadlock', message, { details: { cycle } })
}

/** What something that an ended activation still emits is dropped with. */
export function activationEnded(activation: Activation): EpicError {
  const message = `Cannot go on as ${nameOfEntity(activation)}: this activation has ended`
  return new EpicError('Fenced', message)
}
