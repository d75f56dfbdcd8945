/**
 * Calls that an ended activation left behind, on their way to the driver and from there to wherever
 * the entity lives now.
 *
 * The calls of an entity keep their order. While some are on this way, one that arrives for the
 * entity takes the same way behind them. What the next activation leaves behind, should it end
 * before all have reached it, goes ahead of those: it had arrived before them. The driver brings
 * each call that it is handed to its place before it asks for the next.
 */
import type { Call } from './call.ts'
import type { EntityType } from './entity-type.ts'
import { Fifo } from './fifo.ts'

/** Says that a call of this entity is next; which one, the entity's own list says. */
interface Turn {
  readonly type: EntityType
  readonly id: string
}

export class Redirects {
  readonly #turns = new Fifo<Turn>()
  /** The call that the driver was handed last: it goes straight on. */
  #handed: Call | null = null

  get size(): number {
    return this.#turns.size
  }

  /** Whether a call that arrives for the entity must go behind others. */
  mustFollow(type: EntityType, id: string, call: Call): boolean {
    return this.#turns.size > 0 && call !== this.#handed && type.redirects.has(id)
  }

  /** A call arrives that no activation can take now. */
  follow(type: EntityType, id: string, call: Call): void {
    this.#send(type, id, [call])
    type.redirects.set(id, [...(type.redirects.get(id) ?? []), call])
  }

  /** An activation has ended, and these had not started. */
  leaveBehind(type: EntityType, id: string, calls: readonly Call[]): void {
    if (calls.length === 0) return
    this.#send(type, id, calls)
    type.redirects.set(id, [...calls, ...(type.redirects.get(id) ?? [])])
  }

  /** The next call for the driver. */
  take(): Call | undefined {
    const turn = this.#turns.take()
    if (turn === undefined) return undefined
    const { type, id } = turn
    const calls = type.redirects.get(id) as Call[]
    const call = calls.shift() as Call
    if (calls.length === 0) type.redirects.delete(id)
    this.#handed = call
    return call
  }

  #send(type: EntityType, id: string, calls: readonly Call[]): void {
    for (const call of calls) {
      call.status = 'made'
      call.activation = null
      this.#turns.push({ type, id })
    }
  }
}
