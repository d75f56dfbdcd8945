/** Which entity a ref names. */
export interface RefParts {
  readonly type: string
  readonly id: string
}

/**
 * How the codec recognises refs and makes them; injected by whoever has a class for them.
 *
 * Objects whose prototype is `Object.prototype` and arrays are taken for plain data without asking,
 * because asking for each would cost every message: a ref needs another prototype (or none), or
 * must be callable.
 */
export interface RefCodec {
  /** The parts of a ref, or `undefined` for any other value. Must not throw. */
  isRef(value: object): RefParts | undefined
  /**
   * A ref, or `undefined` when this type or id cannot be: the bytes are then refused. Must not
   * throw.
   */
  createRef(type: string, id: string): unknown
}
