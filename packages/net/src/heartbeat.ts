/**
 * Whether the other side still lives: a pure machine, asked once an interval.
 *
 * Idea: anything that arrives is a sign of life. Who heard nothing for an interval asks (ping); who heard nothing for the whole
 * timeout reports it. Signs are noted as a flag, not a time, so that noting one costs nothing.
 *
 * The subtle case: a process that stood still itself (a long turn, SIGSTOP, a suspended machine) finds its timers before the
 * bytes that have waited for it, and must not blame the other side. A tick that comes late by half an interval or more
 * therefore judges nothing: it asks, and the silence is counted from now.
 *
 * | when asked | ping | timeout |
 * | --- | --- | --- |
 * | heard since the last tick | no | no |
 * | the tick is late | yes | no |
 * | silent for less than the timeout | yes | no |
 * | silent for the timeout | no | yes |
 */

import assert from 'node:assert'

/** What there is to do after a tick. */
export type HeartbeatVerdict = 'fine' | 'ping' | 'timeout'

/** When to ask, and when to give up. */
export interface HeartbeatPlan {
  readonly intervalMs: number
  readonly timeoutMs: number
}

export class Heartbeat {
  readonly #plan: HeartbeatPlan
  #silentSince: number
  #tickAt: number
  #isHeard = false

  constructor(plan: HeartbeatPlan, now: number) {
    assert(plan.intervalMs > 0, 'the interval of a heartbeat is positive')
    assert(
      plan.timeoutMs >= plan.intervalMs,
      'the timeout of a heartbeat is no less than its interval',
    )
    this.#plan = plan
    this.#silentSince = now
    this.#tickAt = now + plan.intervalMs
  }

  /** Something arrived. */
  handleHeard(): void {
    this.#isHeard = true
  }

  /** An interval is over; `now` may be later than that. */
  handleTick(now: number): HeartbeatVerdict {
    const isLate = now - this.#tickAt >= this.#plan.intervalMs / 2
    this.#tickAt = now + this.#plan.intervalMs
    if (this.#isHeard || isLate) {
      const verdict = this.#isHeard ? 'fine' : 'ping'
      this.#isHeard = false
      this.#silentSince = now
      return verdict
    }
    return now - this.#silentSince >= this.#plan.timeoutMs ? 'timeout' : 'ping'
  }

  /** How long nothing was heard, to the interval. */
  silentMs(now: number): number {
    return this.#isHeard ? 0 : now - this.#silentSince
  }
}
