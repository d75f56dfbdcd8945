/**
 * Refs: values that name an entity and call it.
 *
 * A ref's type is derived from the class: its async methods, with the same arguments and results, and nothing else. A ref
 * costs nothing, crosses messages, is saved in state, and stays good wherever the entity lives. Two refs to one entity are the
 * same object (they are interned, weakly), so `===`, `Map` and `Set` work by identity of type and id.
 *
 * The methods are made once for each class, on a prototype: a call is a method call, not a proxy's trap. What a ref is stands
 * under names with an `@`, so that no operation can collide with it.
 *
 * A ref holds none of its entity's fields. Who sets one all the same, past the compiler, is told; `delete` of what is not there is the
 * one thing that no object but a proxy hears of, and changes nothing.
 */
import { entityIdProblem, formatEntityId, partitionOf, type EntityId } from '@epicserver/contracts'
import type { Activation } from '@epicserver/kernel'
import type { ClassDescription, OperationDescription } from './class-description.ts'
import type { Entity } from './entity.ts'

/** The names under which `E` might be called: all of its own, known without looking at their types. */
export type MemberName<E> = Exclude<keyof E, keyof Entity> & string

/** The keys of `E` that can be called from elsewhere: its own methods that return `void` or a promise. */
export type OperationName<E> = {
  [K in MemberName<E>]: OperationKind<E[K]> extends 'none' ? never : K
}[MemberName<E>]

/** Those of them that return `void`: one-way messages. */
export type OneWayName<E> = {
  [K in MemberName<E>]: OperationKind<E[K]> extends 'one-way' ? K : never
}[MemberName<E>]

type OperationKind<F> = F extends (...args: never[]) => infer R
  ? IsAny<R> extends true
    ? 'none'
    : [R] extends [Promise<unknown>]
      ? 'awaited'
      : [R] extends [void]
        ? [void] extends [R]
          ? 'one-way'
          : 'none'
        : 'none'
  : 'none'

type IsAny<T> = 0 extends 1 & T ? true : false

/** What stands on a ref in the place of a field or of a method that is not async. */
export interface NotAnOperation<Name extends string> {
  readonly 'only async methods can be called from elsewhere, and this is none': Name
}

declare const entityOfRef: unique symbol

/**
 * A value that names an entity of class (or contract) `E` and calls its operations.
 * @example
 * const bob: Ref<Player> = pool.Player['bob']
 * await bob.getScore()
 */
export type Ref<E> = {
  // Over all members, not only the operations: a class may hold refs to itself, so which of its members are
  // operations must not be asked while its refs' members are being found.
  readonly [K in MemberName<E>]: OperationKind<E[K]> extends 'none' ? NotAnOperation<K> : E[K]
} & AnyRef & { readonly [entityOfRef]: E }

/** Any ref, whatever it names. */
export interface AnyRef {
  readonly [entityOfRef]: unknown
  /** Type and id, as `Player/bob`. */
  toString(): string
}

/** What calls through a ref: the driver. */
export interface CallSite {
  invoke(ref: RefObject, operation: OperationDescription, args: readonly unknown[]): unknown
}

/** The object behind a ref, as the runtime sees it. */
export class RefObject {
  readonly '@id': string
  /** Where the entity was last found on this node. */
  '@place': Activation | null = null
  /** Its place among the entities that a link has introduced to another node, if it is still the holder. */
  '@placeOnLinks' = -1
  /** The way that this node's calls to the entity took last, where they left the node; opaque here. */
  '@way': object | null = null
  /** The entity's partition, once somebody has asked. */
  '@partition' = -1
  /** On the prototype: the same for all refs of a class. */
  declare readonly '@class': ClassDescription

  constructor(id: string) {
    this['@id'] = id
    // For who defines instead of sets.
    Object.seal(this)
  }

  toString(): string {
    return formatEntityId(entityBehind(this))
  }

  toJSON(): string {
    return this.toString()
  }
}

Object.defineProperty(RefObject.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: RefObject): string {
    return `Ref<${this.toString()}>`
  },
})

// Behind all that a ref has, so that calls never come by.
Object.setPrototypeOf(
  RefObject.prototype,
  new Proxy(Object.prototype, {
    set(_target, name, _value, ref: RefObject): never {
      throw new TypeError(
        `Cannot set "${String(name)}" of ${ref['@class'].name} through a ref: a ref holds no state. Call a method of "${ref.toString()}" that changes it`,
      )
    },
  }),
)

/** Whether a value is a ref. */
export function isRef(value: unknown): value is AnyRef {
  return value instanceof RefObject
}

/** The entity that a ref names. */
export function entityOf(ref: AnyRef): EntityId {
  return entityBehind(ref as unknown as RefObject)
}

/** The id of the entity that a ref names. */
export function idOf(ref: AnyRef): string {
  return idBehind(ref as unknown as RefObject)
}

/** The same for the runtime, which has refs as objects. */
export function entityBehind(ref: RefObject): EntityId {
  return { type: ref['@class'].name, id: ref['@id'] }
}

export function idBehind(ref: RefObject): string {
  return ref['@id']
}

export function descriptionOf(ref: RefObject): ClassDescription {
  return ref['@class']
}

/** The partition of the entity that a ref names. */
export function partitionOfRef(ref: RefObject): number {
  if (ref['@partition'] < 0) ref['@partition'] = partitionOf(ref['@class'].name, ref['@id'])
  return ref['@partition']
}

export function placeOf(ref: RefObject): Activation | null {
  return ref['@place']
}

export function setPlace(ref: RefObject, place: Activation | null): void {
  ref['@place'] = place
}

export function wayOf(ref: RefObject): object | null {
  return ref['@way']
}

export function setWay(ref: RefObject, way: object | null): void {
  ref['@way'] = way
}

export function placeOnLinksOf(ref: RefObject): number {
  return ref['@placeOnLinks']
}

export function setPlaceOnLinks(ref: RefObject, place: number): void {
  ref['@placeOnLinks'] = place
}

/** The refs of one node: makes each once, and forgets those that nobody holds. */
export class RefTable {
  readonly #site: CallSite
  readonly #kinds = new Map<string, RefKind>()
  readonly #forgotten = new FinalizationRegistry<{ kind: RefKind; id: string }>(({ kind, id }) => {
    if (kind.refs.get(id)?.deref() === undefined) kind.refs.delete(id)
  })

  constructor(site: CallSite) {
    this.#site = site
  }

  add(description: ClassDescription): void {
    this.#kinds.set(description.name, {
      make: makeRefClass(description, this.#site),
      refs: new Map(),
    })
  }

  /** The ref to an entity; `undefined` when the type is not known here, or when the id can be none. */
  get(type: string, id: string): RefObject | undefined {
    const kind = this.#kinds.get(type)
    if (kind === undefined) return undefined
    const known = kind.refs.get(id)?.deref()
    if (known !== undefined) return known
    if (entityIdProblem(type, id) !== undefined) return undefined
    const ref = new kind.make(id)
    kind.refs.set(id, new WeakRef(ref))
    this.#forgotten.register(ref, { kind, id })
    return ref
  }

  /** The ref if somebody holds one. */
  peek(type: string, id: string): RefObject | undefined {
    return this.#kinds.get(type)?.refs.get(id)?.deref()
  }
}

interface RefKind {
  readonly make: new (id: string) => RefObject
  readonly refs: Map<string, WeakRef<RefObject>>
}

function makeRefClass(
  description: ClassDescription,
  site: CallSite,
): new (id: string) => RefObject {
  const RefClass = class extends RefObject {}
  Object.defineProperty(RefClass, 'name', { value: `Ref<${description.name}>` })
  Object.defineProperty(RefClass.prototype, '@class', { value: description })
  for (const operation of description.operations.values()) {
    Object.defineProperty(RefClass.prototype, operation.name, {
      value(this: RefObject, ...args: unknown[]): unknown {
        return site.invoke(this, operation, args)
      },
    })
  }
  return RefClass
}
