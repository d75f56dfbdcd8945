/**
 * Atomic operations: what they changed is kept whole or not at all.
 *
 * The entity lock keeps other chains out. What the fields hold before is kept as bytes: the fields go back to them if the operation
 * throws, and a write that is due meanwhile saves them. Tasks that it sets and one-way messages that it sends count once it has
 * succeeded.
 *
 * Calls that it awaits leave at once, since it could not go on otherwise; only what was changed before it must be durable first.
 * An atomic operation that is called by one of the same entity is a part of that one.
 */
import { EpicError, type TaskChange } from '@epicserver/contracts'
import type { Activation, Call } from '@epicserver/kernel'
import type { Durability } from './durability.ts'
import { lostActivation, type EntityCall, type Outcome } from '../node/entity-call.ts'
import { peekResidue, residueOf, type AtomicTurn } from '../node/residue.ts'

/**
 * The operation of `call` begins.
 * @throws EpicError `CannotSave` when the state from before it could not be saved.
 */
export function beginAtomic(durability: Durability, activation: Activation, call: Call): void {
  const residue = residueOf(activation)
  if (residue.atomic !== null) return
  const unsaved = durability.unsavedState(activation)
  const before = unsaved?.kind === 'write' ? unsaved.write.bytes : durability.snapshot(activation)
  residue.atomic = { call, before, unsaved, outbox: [] }
}

/** The operation of `call` has ended, and nobody knows it yet. */
export function endAtomic(
  durability: Durability,
  activation: Activation,
  { call, outcome }: { call: Call; outcome: Outcome },
): void {
  const residue = residueOf(activation)
  const { atomic } = residue
  if (atomic === null || atomic.call !== call) return
  residue.atomic = null
  if ('error' in outcome) undo(durability, activation, atomic)
  else commit(durability, activation, atomic)
}

/** Keeps a one-way message of an atomic operation until it has succeeded. */
export function keptUntilCommit(turn: Call, message: EntityCall): boolean {
  const { atomic } = peekResidue(turn.activation as Activation)
  if (atomic === null || !message.operation.oneWay || !isWithin(turn, atomic.call)) return false
  atomic.outbox.push(message)
  return true
}

/** Whether a turn is the given one or belongs to a call that this one waits for. */
export function isWithin(turn: Call, above: Call): boolean {
  return turn === above || (above.turnKey !== null && turn.above.includes(above.turnKey))
}

/** Why code within an atomic operation cannot save or delete its entity. */
export function halfDone({ type, id }: Activation, what: string): EpicError {
  return new EpicError(
    'CannotSave',
    `Cannot ${what} "${type.plan.name}/${id}" inside an atomic operation: it is saved when that has succeeded`,
  )
}

function commit(
  durability: Durability,
  activation: Activation,
  { outbox, unsaved }: AtomicTurn,
): void {
  const residue = residueOf(activation)
  residue.tasks = [
    ...tasksOf(unsaved).filter(({ key }) => !residue.tasks.some((task) => task.key === key)),
    ...residue.tasks,
  ]
  const isLost = durability.isLost(activation)
  for (const message of outbox) {
    if (isLost) message.reject(lostActivation(activation))
    else durability.emit(activation, message)
  }
}

function undo(
  durability: Durability,
  activation: Activation,
  { before, unsaved }: AtomicTurn,
): void {
  residueOf(activation).tasks = [...tasksOf(unsaved)]
  if (activation.state !== 'gone') durability.restore(activation, before)
}

function tasksOf(unsaved: AtomicTurn['unsaved']): readonly TaskChange[] {
  return unsaved?.kind === 'write' ? (unsaved.write.tasks ?? []) : []
}
