/**
 * What hangs on an activation beyond what the kernel keeps, while it is needed: changed tasks, an atomic operation under way,
 * what idempotent operations have done. Most entities never have one; it is made when it is first asked for.
 */
import type { TaskChange } from '@epicserver/contracts'
import type { Activation, Call } from '@epicserver/kernel'
import type { EntityCall } from './entity-call.ts'
import type { EntityDedup } from './idempotence.ts'

export interface AtomicTurn {
  readonly call: Call
  /** The record of the state before it began. */
  readonly before: Uint8Array
  readonly outbox: EntityCall[]
  isBeforeSaved: boolean
}

export class Residue {
  tasks: TaskChange[] = []
  atomic: AtomicTurn | null = null
  /** What is known of idempotent calls. */
  dedup: EntityDedup | null = null
  /** Must be written although no field changed. */
  isForced = false
  /** The record of a deleted entity is all that the store has. */
  isAbsent = false
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
