/**
 * What the kernel asks its driver to do. The hot ones (turns to run, outcomes to deliver) are not
 * in this list: see `Kernel`.
 */
import type { Activation } from './activation.ts'
import type { Call } from './call.ts'
import type { Timer } from './timers.ts'

/** Why an activation is put away; `onDeactivate` is told. */
export type DeactivationReason = 'idle' | 'memory' | 'stopping' | 'moving' | 'requested'

export type Effect =
  /** Claim the entity at the store; answer with `handleClaimed` or `handleClaimFailed`. */
  | { readonly kind: 'claim'; readonly activation: Activation }
  /** Nothing of an entity that drains runs or is held back any more: it may be sealed or put away. */
  | { readonly kind: 'rested'; readonly activation: Activation }
  /** Run `onActivate`; answer with `handleAwake` or `handleWakeFailed`. */
  | { readonly kind: 'wake'; readonly activation: Activation }
  /** Run `onDeactivate` and save for the last time; answer with `handleAsleep`. */
  | { readonly kind: 'sleep'; readonly activation: Activation; readonly reason: DeactivationReason }
  /** Start what the timer names. */
  | { readonly kind: 'fire'; readonly timer: Timer }
  /** The call's activation ended before it could run: bring it to where the entity lives now. */
  | { readonly kind: 'redirect'; readonly call: Call }
  /** The activation is no more; release what hangs on it. */
  | { readonly kind: 'gone'; readonly activation: Activation }
