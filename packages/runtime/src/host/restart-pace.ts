/**
 * When a node process that has ended is started again.
 *
 * A start costs half a second of a processor, and right after a death those that live need it to take over; so even the first
 * restart waits a moment. A process that ended before it served for a second is in a bad way: each further such end in a row doubles
 * the pause. One that served longer starts the count anew, however often it ends.
 */

/** Longer than a takeover lasts (see the benchmark `restart`). */
const FIRST_PAUSE_MS = 150
const PAUSE_MS_MAX = 10_000
/** A service of this length shows that starting again helps. */
const CALM_MS = 1000

export class RestartPace {
  #servesSince = Infinity
  #shortLives = 0

  handleServing(now: number): void {
    this.#servesSince = now
  }

  /** Returns the pause before the next start. */
  handleEnd(now: number): number {
    const servedMs = now - this.#servesSince
    this.#servesSince = Infinity
    if (servedMs >= CALM_MS) {
      this.#shortLives = 0
      return FIRST_PAUSE_MS
    }
    this.#shortLives += 1
    return Math.min(PAUSE_MS_MAX, FIRST_PAUSE_MS * 2 ** (this.#shortLives - 1))
  }
}
