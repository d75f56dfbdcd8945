/**
 * Counts the calls of an entity that still wait at this node for their way: for an owner of their partition, for the word of one, or
 * for those that went before them on another way. Those that wait in mailboxes the kernel counts.
 *
 * An entity that has such must not end here yet, neither moved nor put away: it might come back at another node at once, and what it sends
 * from there would overtake them. Whoever keeps a call notes it, and notes when it goes on, whether or not it was settled meanwhile.
 */
import type { Activation } from '@epicserver/kernel'
import type { EntityCall } from './entity-call.ts'
import { peekResidue, residueOf } from './residue.ts'

/** A call begins to wait here. */
export function noteHeld({ parent }: EntityCall): void {
  if (parent?.activation) residueOf(parent.activation).heldCalls += 1
}

/** It waits no longer. */
export function noteReleased({ parent }: EntityCall): void {
  if (parent?.activation) residueOf(parent.activation).heldCalls -= 1
}

/** Whether something that the entity has sent still waits, for its way or in a mailbox. */
export function hasHeldCalls(activation: Activation): boolean {
  return activation.sentWaiting > 0 || peekResidue(activation).heldCalls > 0
}
