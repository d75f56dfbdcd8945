/**
 * Calls from outside that wait until a node of this machine serves, instead of being refused while its only one is started again.
 *
 * They wait for as long as a lost node usually takes to be back, and not for ever: what is refused then may safely be asked again.
 */

/** Longer than a start on a busy machine; a node that was not back by then keeps failing. */
const WAIT_MS_MAX = 10_000
/** More would only fill memory; those beyond are refused at once. */
const WAITING_MAX = 1_000

export class Patience {
  readonly #waiting = new Set<() => void>()
  #isOver = false

  /** Resolves when the condition holds, or there is no use in waiting for it any longer. */
  async until(holds: () => boolean): Promise<void> {
    const untilMs = performance.now() + WAIT_MS_MAX
    while (!holds() && this.#mayWait(untilMs)) await this.#change(untilMs)
  }

  /** Something changed: whoever waits looks again. */
  handleChange(): void {
    for (const look of [...this.#waiting]) look()
  }

  /** Nothing will change any more. */
  end(): void {
    this.#isOver = true
    this.handleChange()
  }

  #mayWait(untilMs: number): boolean {
    return !this.#isOver && this.#waiting.size < WAITING_MAX && performance.now() < untilMs
  }

  #change(untilMs: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve()
      }
      const timer = setTimeout(look, untilMs - performance.now())
      this.#waiting.add(look)
    })
  }
}
