/**
 * Calls that an ended activation left behind, on their way to the driver and from there to wherever the entity lives now.
 *
 * While some of an entity's calls are on this way, a call that arrives for it takes the same way behind them: otherwise the
 * later of two calls of one caller could reach the next activation first. The driver brings each call that it is handed to its
 * place before it asks for the next.
 */
import type { Call } from './call.ts'
import type { EntityType } from './entity-type.ts'
import { Fifo } from './fifo.ts'

interface Redirect {
  readonly type: EntityType
  readonly id: string
  readonly call: Call
}

export class Redirects {
  readonly #queue = new Fifo<Redirect>()
  /** The one that the driver was handed last: it goes its way. */
  #handed: Call | null = null

  get size(): number {
    return this.#queue.size
  }

  push(type: EntityType, id: string, call: Call): void {
    call.status = 'made'
    call.activation = null
    this.#queue.push({ type, id, call })
    type.redirects.set(id, (type.redirects.get(id) ?? 0) + 1)
  }

  take(): Call | undefined {
    const redirect = this.#queue.take()
    if (redirect === undefined) return undefined
    const { type, id, call } = redirect
    const left = (type.redirects.get(id) as number) - 1
    if (left === 0) type.redirects.delete(id)
    else type.redirects.set(id, left)
    this.#handed = call
    return call
  }

  /** Whether a call that arrives for the entity must go behind others. */
  mustFollow(type: EntityType, id: string, call: Call): boolean {
    return this.#queue.size > 0 && call !== this.#handed && type.redirects.has(id)
  }
}
