/** What a node holds, for people and metrics. */
export interface KernelCounts {
  readonly activations: number
  readonly activationBytes: number
  readonly queued: number
  readonly pendingCalls: number
  readonly timers: number
  /** Calls in the mailboxes of classes that take locks. */
  readonly waitingForLocks: number
}
