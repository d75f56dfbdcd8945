/**
 * Someone who watches a node from outside: the checkers of a simulation, a script's expectations, a debugger.
 *
 * It is told synchronously, at the instant at which something happens, and changes nothing but the `trace` of a call that was just
 * made. A node without one pays a comparison with `null` for each event.
 */
import type { Activation, Call, Held } from '@epicserver/kernel'
import type { EntityCall, Outcome } from './entity-call.ts'
import type { Token } from '../syscalls/syscalls.ts'

export interface NodeObserver {
  /** A call was made here and has not left yet. A `trace` that it is given now travels with it. */
  callMade(call: EntityCall): void
  /** The caller, here, knows the outcome of a call that it awaits. */
  callSettled(call: EntityCall): void
  /** The method of a call, or a hook of an entity, is about to run here. */
  turnStarted(call: EntityCall): void
  /** An outcome begins its way to the caller; it may have to wait at the entity's gate. */
  turnEnded(call: EntityCall, outcome: Outcome): void
  /** Something leaves an entity's gate: the state that it reveals is durable. */
  released(activation: Activation, held: Held): void
  /** Something was asked of the outside, by a turn or by nobody. */
  submitted(token: Token, turn: Call | null): void
}
