/**
 * Virtual time: a heap of events, and clocks that run on it.
 *
 * Nothing waits. The next event is taken, time jumps to its instant, and it runs with all that follows from it at once; so ten
 * minutes with nothing to do cost nothing. Events of one instant run in the order in which they were scheduled, which makes a run
 * a function of its seed.
 */

/** Something that will happen unless it is cancelled. */
export interface Scheduled {
  cancel(): void
}

class Event implements Scheduled {
  readonly at: number
  readonly order: number
  run: (() => void) | null

  constructor(at: number, order: number, run: () => void) {
    this.at = at
    this.order = order
    this.run = run
  }

  cancel(): void {
    this.run = null
  }
}

export class VirtualTime {
  readonly #heap: Event[] = []
  #order = 0
  #now = 0
  #steps = 0

  /** Milliseconds since the simulation began. */
  get now(): number {
    return this.#now
  }

  /** How many events have run. */
  get steps(): number {
    return this.#steps
  }

  at(instant: number, run: () => void): Scheduled {
    const event = new Event(Math.max(instant, this.#now), this.#order, run)
    this.#order += 1
    this.#push(event)
    return event
  }

  after(delayMs: number, run: () => void): Scheduled {
    return this.at(this.#now + delayMs, run)
  }

  /** When the next event is due; `Infinity` when there is none. */
  get nextAt(): number {
    while (this.#heap.length > 0 && this.#heap[0]?.run === null) this.#pop()
    return this.#heap[0]?.at ?? Infinity
  }

  /** Runs the next event that is not later than `until`; says whether there was one. */
  step(until: number): boolean {
    if (this.nextAt > until) return false
    const next = this.#heap[0]
    if (next === undefined) return false
    this.#pop()
    this.#now = next.at
    this.#steps += 1
    next.run?.()
    return true
  }

  /** Lets time pass in which nothing happens. */
  pass(until: number): void {
    if (until > this.nextAt) throw new RangeError('Time cannot pass over an event')
    this.#now = Math.max(this.#now, until)
  }

  #push(event: Event): void {
    const heap = this.#heap
    let i = heap.length
    heap.push(event)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(event, heap[parent] as Event)) break
      heap[i] = heap[parent] as Event
      i = parent
    }
    heap[i] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Event
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) {
        child += 1
      }
      if (!isBefore(heap[child] as Event, last)) break
      heap[i] = heap[child] as Event
      i = child
    }
    heap[i] = last
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
