/**
 * Which handler a message goes to.
 *
 * Handlers are found by the message's key: its `type`, or what a `keyOf` of one's own says. They are kept in maps, never in
 * objects, so that a key from the wire finds nothing but what was put in. A message for which nobody registered goes to the
 * handler of {@link anyKey}, if there is one.
 */

import assert from 'node:assert'

/** What a message is registered and found by. */
export type Key = string | number

/** Finds the key of a message; `undefined` when it has none of this kind. */
export type KeyOf<M> = (message: M) => Key | undefined

/** Stands for every key that has no handler of its own. */
export const anyKey: unique symbol = Symbol('any key')

/** The messages whose `type` is `K`, where the type of messages says so. */
export type MessageOfKey<M, K> = M extends { readonly type: unknown }
  ? Extract<M, { readonly type: K }>
  : M

/** Processes a message that came through `from`. A promise suspends its lane until it settles. */
export type Handler<M, From> = (message: M, from: From) => unknown

/** Handlers by key, as `on(keyOf, …)` takes them. */
export type HandlersByKey<M, From> =
  | ReadonlyMap<Key, Handler<M, From>>
  | Readonly<Record<string, Handler<M, From>>>

/** Nobody handles a message of this key. */
export const UNHANDLED: unique symbol = Symbol('unhandled')

interface KeyedHandlers<M, From> {
  readonly keyOf: KeyOf<M>
  readonly byKey: ReadonlyMap<Key, Handler<M, From>>
}

/** Handlers, of a channel or of a sink. */
export class Handlers<M, From> {
  readonly #keyOf: KeyOf<M>
  readonly #byKey = new Map<Key, Handler<M, From>>()
  #keyed: readonly KeyedHandlers<M, From>[] = []
  #any: Handler<M, From> | undefined

  constructor(keyOf: KeyOf<M> = typeOf) {
    this.#keyOf = keyOf
  }

  get isEmpty(): boolean {
    return this.#any === undefined && this.#byKey.size === 0 && this.#keyed.length === 0
  }

  /** Sets the handler of a key, in place of the one it has; or adds handlers by a `keyOf` of their own. */
  register(
    key: Key | typeof anyKey | KeyOf<M>,
    handlers: Handler<never, From> | HandlersByKey<M, From>,
  ): () => void {
    if (typeof key === 'function') {
      assert(typeof handlers === 'object', 'handlers by key are a map or an object')
      return this.#add(key, handlers)
    }
    assert(typeof handlers === 'function', 'the handler of a key is a function')
    // Its messages are those with this key: the caller's overload says so.
    return this.#set(key, handlers as Handler<M, From>)
  }

  /** Calls the message's handler and returns what it returns; {@link UNHANDLED} when there is none. */
  dispatch(message: M, from: From): unknown {
    if (this.#byKey.size > 0) {
      const key = this.#keyOf(message)
      const handler = key === undefined ? undefined : this.#byKey.get(key)
      if (handler !== undefined) return handler(message, from)
    }
    for (const { keyOf, byKey } of this.#keyed) {
      const key = keyOf(message)
      const handler = key === undefined ? undefined : byKey.get(key)
      if (handler !== undefined) return handler(message, from)
    }
    return this.#any === undefined ? UNHANDLED : this.#any(message, from)
  }

  #set(key: Key | typeof anyKey, handler: Handler<M, From>): () => void {
    if (key === anyKey) {
      this.#any = handler
      return () => {
        if (this.#any === handler) this.#any = undefined
      }
    }
    this.#byKey.set(key, handler)
    return () => {
      if (this.#byKey.get(key) === handler) this.#byKey.delete(key)
    }
  }

  #add(keyOf: KeyOf<M>, handlers: HandlersByKey<M, From>): () => void {
    const byKey = handlers instanceof Map ? handlers : new Map(Object.entries(handlers))
    const keyed: KeyedHandlers<M, From> = { keyOf, byKey }
    this.#keyed = [...this.#keyed, keyed]
    return () => {
      this.#keyed = this.#keyed.filter((other) => other !== keyed)
    }
  }
}

/** A message's own `type`; what it inherits does not count. */
function typeOf(message: unknown): Key | undefined {
  if (typeof message !== 'object' || message === null || !Object.hasOwn(message, 'type'))
    return undefined
  const { type } = message as { readonly type: unknown }
  return typeof type === 'string' || typeof type === 'number' ? type : undefined
}
