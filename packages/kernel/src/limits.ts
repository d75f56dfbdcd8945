/** Limits of a node's kernel, each with its reason. All can be set per node. */

export interface KernelLimits {
  /**
   * What all activations together may cost; beyond it the least recently used idle ones are put
   * away.
   */
  readonly activationBytesMax: number
  /**
   * By what factor all may exceed that before nothing new is activated: what is idle needs a moment
   * to be saved.
   */
  readonly overdraft: number
  /** What an activation is taken to cost before its state was ever measured. */
  readonly activationBytesGuess: number
  /** A chain of calls longer than this is a mistake, or an attack: every link holds memory. */
  readonly callDepthMax: number
  /**
   * How much of a mailbox unreliable calls may fill; the rest is kept for those that must not be
   * lost.
   */
  readonly unreliableShare: number
  /** Calls of one node that wait for an outcome; a node that has more is not keeping up. */
  readonly pendingCallsMax: number
  /** Timers of one entity; more are a leak. */
  readonly timersPerEntityMax: number
  /**
   * How many activations one look for idle ones examines, so that the look never holds up turns.
   */
  readonly sweepSize: number
  /** How many waiting calls one exchange with other nodes tells of; a deadlock holds the oldest. */
  readonly waitEdgesMax: number
}

export const KERNEL_LIMITS: KernelLimits = {
  activationBytesMax: 1024 * 1024 * 1024,
  overdraft: 1.25,
  activationBytesGuess: 600,
  callDepthMax: 128,
  unreliableShare: 0.5,
  pendingCallsMax: 1_000_000,
  timersPerEntityMax: 1024,
  sweepSize: 2000,
  waitEdgesMax: 1000,
}

/**
 * How many idempotent calls of one caller to one entity may be unsettled: enough for a pipeline,
 * few enough to save.
 */
export const DEDUP_WINDOW = 64

/**
 * Callers that an entity remembers: more than any cluster has nodes, so that only incarnations that
 * are gone are forgotten.
 */
export const DEDUP_CALLERS_MAX = 256
