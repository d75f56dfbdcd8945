/**
 * Counts the calls that came through a channel and have neither begun here nor gone back: what overtakes one of those is out of order.
 *
 * Calls come in groups; who wants to know when all is clear closes the present one. So a call costs a sum and a difference, and those
 * that come afterwards are not waited for.
 */
export class Intake {
  #open = new IntakeGroup(() => this.#handleEmpty())
  /** Groups that are closed, the oldest first. */
  #closed: IntakeGroup[] = []

  /** A call has come: the group that counts it until it begins, or goes back. */
  admit(): IntakeGroup {
    this.#open.size += 1
    return this.#open
  }

  /** Resolves when all that has come so far has begun, or gone back. */
  cleared(): Promise<void> {
    const group = this.#open
    this.#open = new IntakeGroup(() => this.#handleEmpty())
    this.#closed.push(group)
    return new Promise((resolve) => {
      group.onClear = resolve
      this.#handleEmpty()
    })
  }

  #handleEmpty(): void {
    while (this.#closed[0]?.size === 0) this.#closed.shift()?.onClear?.()
  }
}

/** Calls that came after one another. */
export class IntakeGroup {
  size = 0
  /** Somebody waits for the end of it. */
  onClear: (() => void) | undefined
  readonly #onEmpty: () => void

  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty
  }

  release(): void {
    this.size -= 1
    if (this.size === 0 && this.onClear !== undefined) this.#onEmpty()
  }
}
