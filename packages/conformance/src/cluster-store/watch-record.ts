/**
 * Keeps what a watch reports, and lets a case wait for it: each wait ends with the report that makes it true.
 */
import type { ClusterStore, Rev, WatchEvent } from '@epicserver/contracts'

export class WatchRecord {
  readonly batches: (readonly WatchEvent[])[] = []
  isReset = false
  readonly #handle: { close(): void }
  #wake: (() => void)[] = []

  constructor(store: ClusterStore, prefix: string, from: Rev) {
    this.#handle = store.watch(prefix, from, (events) => {
      if (events === 'reset') this.isReset = true
      else this.batches.push(events)
      const woken = this.#wake
      this.#wake = []
      for (const wake of woken) wake()
    })
  }

  get events(): WatchEvent[] {
    return this.batches.flat()
  }

  /** Each event as `key=value` or `-key`, without the first `skip` characters of its key. */
  lines(skip = 0): string[] {
    const decoder = new TextDecoder()
    return this.events.map((event) =>
      event.kind === 'put'
        ? `${event.rec.key.slice(skip)}=${decoder.decode(event.rec.value)}`
        : `-${event.key.slice(skip)}`,
    )
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#wake.push(resolve))
  }

  async untilCount(count: number): Promise<void> {
    await this.until(() => this.events.length >= count)
  }

  async untilDeleted(key: string): Promise<void> {
    await this.until(() =>
      this.events.some((event) => event.kind === 'delete' && event.key === key),
    )
  }

  async untilReset(): Promise<void> {
    await this.until(() => this.isReset)
  }

  close(): void {
    this.#handle.close()
  }
}

/** The revision of an event. */
export function revOf(event: WatchEvent): Rev {
  return event.kind === 'put' ? event.rec.rev : event.rev
}
