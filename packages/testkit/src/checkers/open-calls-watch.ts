/** Which awaited calls have no outcome yet: see `everyCallAnswered`. */
import type { EntityCall } from '@epicserver/runtime'
import type { WatchedProcess, Watcher } from '../watcher.ts'

export class OpenCallsWatch implements Watcher {
  readonly #open = new Map<WatchedProcess, Set<EntityCall>>()

  callMade(process: WatchedProcess, call: EntityCall): void {
    // Only calls that somebody awaits have a deadline of their own.
    if (call.deadlineAt === Infinity) return
    const calls = this.#open.get(process) ?? new Set()
    this.#open.set(process, calls.add(call))
  }

  callSettled(process: WatchedProcess, call: EntityCall): void {
    this.#open.get(process)?.delete(call)
  }

  processEnded(process: WatchedProcess): void {
    this.#open.delete(process)
  }

  /** The calls of living processes that wait for an outcome. */
  calls(): (readonly [process: WatchedProcess, call: EntityCall])[] {
    return [...this.#open].flatMap(([process, calls]) => {
      return [...calls].map((call) => [process, call] as const)
    })
  }
}
