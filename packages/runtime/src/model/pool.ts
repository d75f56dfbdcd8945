/**
 * The pool: every entity there could be, by class and id.
 *
 * `pool.Player` is an index and nothing else, so that no id can collide with a method; what concerns whole classes (`create`,
 * `singleton`, `query`, `ref`) hangs on the pool itself.
 */
import type { EntityClasses } from './app.ts'
import type { Contract } from './contract.ts'
import type { Entity, EntityClass } from './entity.ts'
import type { Query } from '../queries/query.ts'
import type { Ref } from './ref.ts'
import type { FieldName } from './settings.ts'
import type { TopicPublisher } from '../topics/topic.ts'

/** All entities of one class, by id: `pool.Player['bob']`, `pool.Barrel[3]`. */
export interface PoolIndex<E> {
  readonly [id: string | number]: Ref<E>
}

/** The fields with which an entity may be created. */
export type InitialState<E> = { readonly [K in FieldName<E>]?: E[K] }

/** What concerns whole classes. */
export interface PoolMethods {
  /** The ref to an entity, by its class or contract. */
  ref<E>(target: EntityClass<E & Entity> | Contract<E>, id: string | number): Ref<E>
  /** The one entity of a class that has only one. */
  singleton<E>(target: EntityClass<E & Entity> | Contract<E>): Ref<E>
  /**
   * Creates an entity with initial fields.
   * @throws EpicError `AlreadyExists`
   */
  create<E extends Entity>(
    target: EntityClass<E>,
    id: string | number,
    initial?: InitialState<E>,
  ): Promise<Ref<E>>
  /** Asks for saved entities of a class. */
  query<E extends Entity>(target: EntityClass<E>): Query<E>
  /** A topic to publish to; entities subscribe through `this.topic`. */
  topic<M = unknown>(name: string): TopicPublisher<M>
}

/** The pool of an app. */
export type Pool<T extends EntityClasses = EntityClasses> = {
  readonly [K in keyof T]: PoolIndex<InstanceType<T[K]>>
} & PoolMethods

/** What a pool is made over. */
export interface PoolSource extends PoolMethods {
  readonly typeNames: readonly string[]
  /** @throws EpicError `InvalidId`, `UnknownType` */
  refTo(type: string, id: string): unknown
}

/** The names that hang on the pool itself, and so can be no entity type's. */
export const POOL_METHODS: readonly (keyof PoolMethods)[] = [
  'ref',
  'singleton',
  'create',
  'query',
  'topic',
]

/** Makes the pool of a node. */
export function createPool(source: PoolSource): Pool {
  const pool = Object.create(typesOfNobody(source)) as Record<string, unknown>
  for (const name of POOL_METHODS) pool[name] = source[name].bind(source)
  for (const type of source.typeNames) pool[type] = createIndex(source, type)
  return Object.freeze(pool) as Pool
}

/** Where a misspelt class ends up, for those whom no compiler tells. Only what is written as classes are: others ask for all sorts of names. */
function typesOfNobody(source: PoolSource): object {
  return new Proxy(Object.prototype, {
    get: (target, name, pool) =>
      typeof name === 'string' && /^[A-Z]/.test(name)
        ? source.refTo(name, '0')
        : (Reflect.get(target, name, pool) as unknown),
  })
}

function createIndex(source: PoolSource, type: string): object {
  return new Proxy(Object.create(null) as object, {
    get: (_target, id) => (typeof id === 'string' ? source.refTo(type, id) : undefined),
    set: () => {
      throw new TypeError(
        `pool.${type} is an index: call an operation of pool.${type}[id] instead of assigning`,
      )
    },
  })
}
