/**
 * Deadlines of calls that wait for an outcome.
 *
 * A wheel of slots, each an intrusive list, so that adding and removing cost a few pointer writes
 * and allocate nothing: nearly every call is settled long before its deadline, and a timer a call
 * would cost more than the call. A deadline further away than one turn of the wheel stays in its
 * slot and is passed over. Expired calls are found at the first look after their deadline.
 *
 * A call's deadline is never later than that of the turn that made it and waits for it. A turn that
 * is over waits for nothing: what code that it left behind still calls has a timeout of its own.
 */
import type { Call } from './call.ts'

/**
 * A slot is shorter than a node's tick; a turn of the wheel (33 s) is longer than most timeouts.
 */
const SLOT_MS = 16
const SLOTS = 2048

export class Deadlines {
  readonly #slots: (Call | null)[] = new Array<Call | null>(SLOTS).fill(null)
  /** The time of the last look; everything before it has been found. */
  #lookedAt: number
  #size = 0

  constructor(now: number) {
    this.#lookedAt = now
  }

  /** Sets the call's deadline and remembers it. */
  add(call: Call, now: number): void {
    const { parent } = call
    let deadlineAt = now + call.operation.timeoutMs
    if (parent !== null && parent.status !== 'ended') {
      deadlineAt = Math.min(deadlineAt, parent.deadlineAt)
    }
    // One that has passed already goes where the next look begins.
    call.deadlineAt = Math.max(deadlineAt, this.#lookedAt)
    const slot = slotOf(call.deadlineAt)
    const head = this.#slots[slot] as Call | null
    call.olderInSlot = head
    if (head !== null) head.newerInSlot = call
    this.#slots[slot] = call
    this.#size += 1
  }

  /** Forgets a call; one that is not remembered is no error. */
  remove(call: Call): void {
    const { newerInSlot: newer, olderInSlot: older } = call
    const slot = slotOf(call.deadlineAt)
    if (newer === null) {
      if (this.#slots[slot] !== call) return
      this.#slots[slot] = older
    } else {
      newer.olderInSlot = older
    }
    if (older !== null) older.newerInSlot = newer
    call.newerInSlot = null
    call.olderInSlot = null
    this.#size -= 1
  }

  /** Takes out the calls whose deadline has passed, earliest first. */
  takeExpired(now: number): Call[] {
    const expired: Call[] = []
    const last = Math.floor(now / SLOT_MS)
    const first = Math.max(Math.floor(this.#lookedAt / SLOT_MS), last - SLOTS + 1)
    if (this.#size > 0) {
      for (let slot = first; slot <= last; slot += 1)
        this.#takeFrom(slot & (SLOTS - 1), now, expired)
    }
    this.#lookedAt = Math.max(this.#lookedAt, now)
    return expired.sort((a, b) => a.deadlineAt - b.deadlineAt)
  }

  get size(): number {
    return this.#size
  }

  /**
   * A slot holds the newest first; calls of one instant expire in the order in which they were
   * made.
   */
  #takeFrom(slot: number, now: number, expired: Call[]): void {
    const head = this.#slots[slot] as Call | null
    if (head === null) return
    const found: Call[] = []
    for (let call: Call | null = head; call !== null; call = call.olderInSlot) {
      if (call.deadlineAt <= now) found.push(call)
    }
    for (const call of found.toReversed()) {
      this.remove(call)
      expired.push(call)
    }
  }
}

function slotOf(at: number): number {
  return Math.floor(at / SLOT_MS) & (SLOTS - 1)
}
