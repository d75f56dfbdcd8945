/** Timers of an entity, as its code sees them: in memory, under keys, moving with the entity. */

/** What a timer does and when. */
export interface TimerSettings {
  /** The operation to call, or a function; a function ends with the activation, since it cannot move. */
  readonly operation: string | (() => unknown)
  /** Until it fires first: the interval, or at once, unless said otherwise. */
  readonly delayMs?: number
  /** Between two firings. */
  readonly intervalMs?: number
  /** How often it fires: once without an interval, without end with one. */
  readonly times?: number
  /** What the operation is called with. */
  readonly args?: readonly unknown[]
}

/** The timers of an entity, by key, in memory: `this.timer`. */
export interface EntityTimers {
  /** Sets a timer; one of the same key is replaced. */
  set(
    key: string,
    operation: TimerSettings['operation'],
    timer: Omit<TimerSettings, 'operation'>,
  ): void
  /** Sets a timer that fires once. */
  once(
    key: string,
    operation: TimerSettings['operation'],
    delayMs: number,
    args?: readonly unknown[],
  ): void
  /** Ends a timer, and says whether there was one. */
  cancel(key: string): boolean
}
