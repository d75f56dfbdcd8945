/**
 * What hangs on an activation beyond what the kernel keeps, while it is needed: changed tasks, an atomic operation under way,
 * what idempotent operations have done. Most entities never have one; it is made when it is first asked for.
 */
import type { TaskChange, Write } from '@epicserver/contracts'
import type { Activation, Call } from '@epicserver/kernel'
import type { EntityCall } from './entity-call.ts'
import type { StateMark } from '../saving/entity-state.ts'
import type { Firing } from '../tasks/task-firing.ts'
import type { EntityDedup } from './idempotence.ts'

/** The state as it was when this was made, with all that is to be saved with it. */
export interface PendingState {
  readonly kind: 'write'
  readonly mark: StateMark
  readonly write: Write & { readonly bytes: Uint8Array }
}

/** What one commit is to change of an entity: its state, or all that there is of it. */
export type PendingWrite = PendingState | { readonly kind: 'removal' }

/** An atomic operation that is under way. */
export interface AtomicTurn {
  readonly call: Call
  /** The record of the state before it began: what the fields go back to if it throws. */
  readonly before: Uint8Array
  /** What a write that is due meanwhile saves: the state before it, as long as that is not saved. */
  unsaved: PendingWrite | null
  /** One-way messages, which leave when it has succeeded. */
  readonly outbox: EntityCall[]
}

export class Residue {
  tasks: TaskChange[] = []
  /** Tasks that fire or fired, by key. */
  readonly firings: Map<string, Firing> = new Map()
  atomic: AtomicTurn | null = null
  /** What is known of idempotent calls. */
  dedup: EntityDedup | null = null
  /** Must be written although no field changed. */
  isForced = false
  /** Must be deleted, with everything that is saved. */
  isForgetting = false
  /** The record of a deleted entity is all that the store has. */
  isAbsent = false
  /** Created in this activation, whether or not that is saved yet. */
  isCreated = false
  /** Came from another node, and its code has to hear of it. */
  hasMovedIn = false
  /** Calls of the entity that wait at this node for their way. */
  heldCalls = 0
  /** The last of the writes outside the gate. */
  flush: Promise<void> | null = null
  isFlushScheduled = false
}

const NONE = new Residue()

/** What hangs on an activation; made on demand. */
export function residueOf(activation: Activation): Residue {
  if (!(activation.dedup instanceof Residue)) activation.dedup = new Residue()
  return activation.dedup as Residue
}

/** The same, for looking only. */
export function peekResidue(activation: Activation): Residue {
  return activation.dedup instanceof Residue ? activation.dedup : NONE
}
