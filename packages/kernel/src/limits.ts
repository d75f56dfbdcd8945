/** Limits of a node's kernel, each with its reason. All can be set per node. */

export interface KernelLimits {
  /** What all activations together may cost; beyond it the least recently used idle ones are put away. */
  readonly activationBytesMax: number
  /** What an activation is taken to cost before its state was ever measured. */
  readonly activationBytesGuess: number
  /** A chain of calls longer than this is a mistake, or an attack: every link holds memory. */
  readonly callDepthMax: number
  /** Calls of one node that wait for an outcome; a node that has more is not keeping up. */
  readonly pendingCallsMax: number
  /** Timers of one entity; more are a leak. */
  readonly timersPerEntityMax: number
  /** How many activations one look for idle ones examines, so that the look never holds up turns. */
  readonly sweepSize: number
}

export const KERNEL_LIMITS: KernelLimits = {
  activationBytesMax: 1024 * 1024 * 1024,
  activationBytesGuess: 600,
  callDepthMax: 128,
  pendingCallsMax: 1_000_000,
  timersPerEntityMax: 1024,
  sweepSize: 2000,
}
