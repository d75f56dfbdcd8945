/**
 * The recent past: what changed in each revision, for watchers that come back.
 *
 * Bounded in bytes. What falls out at the old end is gone, and whoever asks from before it is told so: a gap is never hidden.
 */
import type { Rev, WatchEvent } from '@epicserver/contracts'

/** What an event costs beside its key and value: two small objects. */
const EVENT_BYTES = 100

interface Step {
  readonly rev: Rev
  readonly events: readonly WatchEvent[]
  readonly bytes: number
}

export class History {
  readonly #bytesMax: number
  #steps: Step[] = []
  /** Steps before this index are dropped; the array is cut when half of it is. */
  #head = 0
  #bytes = 0
  #floor: Rev

  /** Knows nothing of what was before or at `rev`. */
  constructor(rev: Rev, bytesMax: number) {
    this.#floor = rev
    this.#bytesMax = bytesMax
  }

  /** The events of one revision, which must be above all before it. */
  add(rev: Rev, events: readonly WatchEvent[]): void {
    const bytes = events.reduce((sum, event) => sum + sizeOf(event), 0)
    this.#steps.push({ rev, events, bytes })
    this.#bytes += bytes
    while (this.#bytes > this.#bytesMax && this.#head < this.#steps.length) this.#dropOldest()
  }

  /** Every event after `from`, up to and with `to`, under a prefix; `reset` when a part of them is gone. */
  between(from: Rev, to: Rev, prefix: string): readonly WatchEvent[] | 'reset' {
    if (from < this.#floor) return 'reset'
    const events: WatchEvent[] = []
    for (let at = this.#firstAfter(from); at < this.#steps.length; at += 1) {
      const step = this.#steps[at]
      if (step === undefined || step.rev > to) break
      for (const event of step.events) if (keyOf(event).startsWith(prefix)) events.push(event)
    }
    return events
  }

  /** Forgets everything, as a restart does. */
  clear(rev: Rev): void {
    this.#steps = []
    this.#head = 0
    this.#bytes = 0
    this.#floor = rev
  }

  #firstAfter(rev: Rev): number {
    let low = this.#head
    let high = this.#steps.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#steps[middle]?.rev ?? 0n) <= rev) low = middle + 1
      else high = middle
    }
    return low
  }

  #dropOldest(): void {
    const step = this.#steps[this.#head]
    if (step === undefined) return
    this.#floor = step.rev
    this.#bytes -= step.bytes
    this.#head += 1
    if (this.#head * 2 < this.#steps.length) return
    this.#steps = this.#steps.slice(this.#head)
    this.#head = 0
  }
}

/** The key that an event is about. */
function keyOf(event: WatchEvent): string {
  return event.kind === 'put' ? event.rec.key : event.key
}

function sizeOf(event: WatchEvent): number {
  const value = event.kind === 'put' ? event.rec.value.byteLength : 0
  return EVENT_BYTES + keyOf(event).length * 2 + value
}
