/**
 * Messages that the next one makes worthless.
 *
 * They are never queued behind reliable ones: at the end of a tick they are written at once, or, when the link is congested,
 * those without a key are dropped and of each key the latest is kept. They take no credit; a receiver that falls behind drops
 * the oldest.
 */
export class UnreliableLane<M> {
  readonly #messagesMax: number
  readonly #byKey = new Map<string | number, M>()
  #plain: M[] = []
  /** How many were dropped or replaced. */
  dropped = 0

  constructor(messagesMax: number) {
    this.#messagesMax = messagesMax
  }

  get size(): number {
    return this.#byKey.size + this.#plain.length
  }

  /** Takes a message in; a newer one of the same key replaces an older. */
  put(message: M, key: string | number | undefined): void {
    if (key === undefined) {
      this.#plain.push(message)
      if (this.size > this.#messagesMax) this.#dropOldest()
      return
    }
    // Deleted first, so that the order of a map is that of the latest news.
    if (this.#byKey.delete(key)) this.dropped += 1
    this.#byKey.set(key, message)
    if (this.size > this.#messagesMax) this.#dropOldest()
  }

  /** All that there is, to be written now. */
  takeAll(): M[] {
    const all = [...this.#plain, ...this.#byKey.values()]
    this.#plain = []
    this.#byKey.clear()
    return all
  }

  /** There is no room: what has no key goes. */
  handleCongested(): void {
    this.dropped += this.#plain.length
    this.#plain = []
  }

  clear(): void {
    this.#plain = []
    this.#byKey.clear()
  }

  #dropOldest(): void {
    this.dropped += 1
    if (this.#plain.length > 0) {
      this.#plain.shift()
      return
    }
    const oldest = this.#byKey.keys().next()
    if (oldest.done !== true) this.#byKey.delete(oldest.value)
  }
}
