/** Asks a channel's other side whether it lives, on the owner's clock: the timer and the pings around a {@link Heartbeat}. */
import type { Clock, Timer } from './clock.ts'
import { Heartbeat } from './heartbeat.ts'
import type { HeartbeatPlan } from './heartbeat.ts'

/** What a {@link Pulse} is made with. */
export interface PulseParts {
  readonly plan: HeartbeatPlan
  readonly clock: Clock
  sendPing(id: number): void
  /** Nothing was heard for the timeout; asked again every interval while that lasts. */
  handleTimeout(silentMs: number): void
}

export class Pulse {
  /** How long the last ping took, there and back. */
  roundTripMs: number | undefined
  readonly #parts: PulseParts
  readonly #heartbeat: Heartbeat
  #timer: Timer
  #isStopped = false
  #pingId = 0
  #pingAt = 0

  constructor(parts: PulseParts) {
    this.#parts = parts
    this.#heartbeat = new Heartbeat(parts.plan, parts.clock.now())
    this.#timer = this.#arm()
  }

  handleHeard(): void {
    this.#heartbeat.handleHeard()
  }

  handlePong(id: number): void {
    if (id === this.#pingId) this.roundTripMs = this.#parts.clock.now() - this.#pingAt
  }

  stop(): void {
    this.#isStopped = true
    this.#timer.cancel()
  }

  #arm(): Timer {
    const { clock, plan } = this.#parts
    return clock.setTimer(() => this.#tick(), plan.intervalMs)
  }

  #tick(): void {
    const now = this.#parts.clock.now()
    const verdict = this.#heartbeat.handleTick(now)
    if (verdict === 'timeout') this.#parts.handleTimeout(this.#heartbeat.silentMs(now))
    else if (verdict === 'ping') {
      this.#pingId = (this.#pingId + 1) >>> 0
      this.#pingAt = now
      this.#parts.sendPing(this.#pingId)
    }
    if (!this.#isStopped) this.#timer = this.#arm()
  }
}
