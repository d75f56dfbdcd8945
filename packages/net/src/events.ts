/** Events by name, with handlers whose arguments the compiler knows. */

/** The arguments of each event. */
export type EventsOf<E> = { readonly [Name in keyof E]: readonly unknown[] }

export class Events<E extends EventsOf<E>> {
  readonly #handlers = new Map<keyof E, Set<(...args: never) => void>>()

  /** Adds a handler. @returns what takes it out. */
  on<Name extends keyof E>(name: Name, handler: (...args: E[Name]) => void): () => void {
    const handlers = this.#handlers.get(name) ?? new Set()
    this.#handlers.set(name, handlers)
    handlers.add(handler)
    return () => handlers.delete(handler)
  }

  /** Calls the handlers of an event, in the order in which they came. @returns how many there were. */
  emit<Name extends keyof E>(name: Name, ...args: E[Name]): number {
    const handlers = [...(this.#handlers.get(name) ?? [])]
    // What was added under a name takes that name's arguments.
    for (const handler of handlers) (handler as (...args: E[Name]) => void)(...args)
    return handlers.length
  }
}
