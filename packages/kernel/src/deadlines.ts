/**
 * Deadlines of calls that wait for an outcome.
 *
 * Most calls share a few timeouts, so each timeout has a list of its own, which is in order by construction: adding and removing
 * cost a few pointer writes, and looking for the expired means looking at the heads. (A timer a call would cost more than the
 * call.) A call's deadline is never later than that of the turn that made it; one inherited that way may be noticed late, at
 * the moment its own list reaches it, but never runs late: the kernel looks again before it starts a turn.
 */
import type { Call } from './call.ts'

export class Deadlines {
  readonly #lists = new Map<number, DeadlineList>()

  /** Sets the call's deadline and remembers it. */
  add(call: Call, now: number): void {
    const timeoutMs = call.operation.timeoutMs
    const own = now + timeoutMs
    const parent = call.parent
    call.deadlineAt = parent !== null && parent.deadlineAt > 0 && parent.deadlineAt < own ? parent.deadlineAt : own
    let list = this.#lists.get(timeoutMs)
    if (list === undefined) {
      list = new DeadlineList(timeoutMs)
      this.#lists.set(timeoutMs, list)
    }
    list.append(call)
  }

  remove(call: Call): void {
    this.#lists.get(call.operation.timeoutMs)?.unlink(call)
  }

  /** Takes out the calls whose deadline has passed. */
  takeExpired(now: number): Call[] {
    const expired: Call[] = []
    for (const list of this.#lists.values()) {
      for (let head = list.head; head !== null && head.deadlineAt <= now; head = list.head) {
        list.unlink(head)
        expired.push(head)
      }
    }
    return expired
  }

  /** The earliest instant at which something may expire, or `Infinity`. */
  get nextAt(): number {
    let next = Infinity
    for (const list of this.#lists.values()) {
      if (list.head !== null && list.head.deadlineAt < next) next = list.head.deadlineAt
    }
    return next
  }

  get size(): number {
    let size = 0
    for (const list of this.#lists.values()) size += list.size
    return size
  }
}

class DeadlineList {
  readonly timeoutMs: number
  head: Call | null = null
  #tail: Call | null = null
  size = 0

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs
  }

  append(call: Call): void {
    call.earlierDeadline = this.#tail
    if (this.#tail === null) this.head = call
    else this.#tail.laterDeadline = call
    this.#tail = call
    this.size += 1
  }

  unlink(call: Call): void {
    const { earlierDeadline: before, laterDeadline: after } = call
    if (before === null && after === null && this.head !== call) return
    if (before === null) this.head = after
    else before.laterDeadline = after
    if (after === null) this.#tail = before
    else after.earlierDeadline = before
    call.earlierDeadline = null
    call.laterDeadline = null
    this.size -= 1
  }
}
