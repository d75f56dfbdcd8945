/**
 * What a class may say of itself and its operations: the static description `settings`.
 *
 * All of it is optional and every default is the safe one: state is saved, and a reply leaves only when what it reveals is
 * durable. The types insist on one thing: an operation that returns `void` must be listed as one-way, since its caller will
 * never hear of an error.
 */
import type { StandardSchemaV1 } from './standard-schema.ts'
import type { AnyRef, OneWayName, OperationName } from './ref.ts'
import type { PoolMethods } from './pool.ts'

/** When a changed state is written to the store. */
export type Durability = 'acknowledged' | { readonly everyMs: number } | 'manual'

/**
 * Where an entity begins when it is active nowhere: at the node that owns its id (`hash`), where its first caller is (`local`), at a
 * node with little to do (`load`), beside another entity and with it wherever that goes (`near`), or at a node that carries a
 * label. `anywhere` is for what has no state: it is on each node that calls it.
 */
export type Placement =
  | 'hash'
  | 'local'
  | 'load'
  | 'anywhere'
  | { readonly near: AnyRef | Neighbour }
  | { readonly label: string }

/** Names the entity that another one, of this id, is to be beside; always the same one for the same id. */
export type Neighbour = (id: string, pool: PoolMethods) => AnyRef

/** How much one client may do. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/** What an operation may say. */
export interface OperationSettings {
  /** The caller does not wait and hears of no error. */
  readonly oneWay?: boolean
  /** `normal` unless said otherwise; order holds within one priority. */
  readonly priority?: 'high' | 'normal' | 'low'
  /** `unreliable` messages are the first to be dropped under load. */
  readonly reliability?: 'reliable' | 'unreliable'
  /** Of several messages of one caller that wait only the newest counts; for one-way operations. */
  readonly coalesce?: 'latest'
  /** What waits while a call of it runs; that of the class unless said otherwise. */
  readonly lock?: 'none' | 'method' | 'entity'
  /** Runs alone; what it changed is undone if it throws. */
  readonly atomic?: boolean
  /** May be repeated after an unknown outcome: the entity remembers what it has done. */
  readonly idempotent?: boolean
  /** How long a caller waits before it gets `Timeout`: 30,000 unless said otherwise. */
  readonly timeoutMs?: number
  /** May be called by clients. */
  readonly exposed?: boolean
  /** Validates the arguments of a client's call. */
  readonly input?: StandardSchemaV1
  /** How often one client may call it. */
  readonly rate?: Rate
}

/** The settings of class `E`. */
export type Settings<E> = {
  /** Grows when saved fields change their meaning. */
  readonly version?: number
  /** Converts a state of version `from` to the present one. */
  readonly upgrade?: (state: Record<string, unknown>, from: number) => Record<string, unknown>
  /** Whether fields are saved at all: `true` unless said otherwise. */
  readonly persistent?: boolean
  /** When changed fields are saved: `acknowledged`, before anything that reveals them leaves, unless said otherwise. */
  readonly durability?: Durability
  /** Whether a first call makes the entity; otherwise only `pool.create` does. */
  readonly autoCreate?: boolean
  /** How long it stays in memory unused: 300,000 unless said otherwise. */
  readonly idleAfterMs?: number
  /** Fields that are not saved. */
  readonly transient?: readonly FieldName<E>[]
  /** Fields, or lists of fields, by which `pool.query` finds entities quickly. */
  readonly indexes?: readonly (FieldName<E> | readonly FieldName<E>[])[]
  /** Where it begins: `hash`, at the node that owns its id, unless said otherwise. */
  readonly placement?: Placement
  /** What waits while a call runs: nothing (`none`), calls of the same operation (`method`), or all others (`entity`). */
  readonly lock?: 'none' | 'method' | 'entity'
  /** How many calls may wait and run at once, 1,024 unless said otherwise; more are `Overloaded`. */
  readonly mailboxMax?: number
} & ([OneWayName<E>] extends [never]
  ? { readonly operations?: OperationsOf<E> }
  : { readonly operations: OperationsOf<E> })

type OperationsOf<E> = {
  readonly [K in Exclude<OperationName<E>, OneWayName<E>>]?: OperationSettings & {
    readonly oneWay?: false
  }
} & { readonly [K in OneWayName<E>]: OperationSettings & { readonly oneWay: true } }

/** The names of the fields of `E` that hold state. */
export type FieldName<E> = {
  [K in keyof E]: K extends string
    ? E[K] extends (...args: never[]) => unknown
      ? never
      : K
    : never
}[keyof E]

declare const oneWayOfSettings: unique symbol

/** Settings as a class carries them; `OneWay` are the operations that they list as one-way. */
export interface EntitySettings<OneWay extends PropertyKey = PropertyKey> {
  readonly given: Readonly<Record<string, unknown>>
  readonly [oneWayOfSettings]?: OneWay
}

/**
 * Describes a class and its operations.
 * @example
 * static override settings = settings<Player>({ operations: { move: { oneWay: true, priority: 'low' } } })
 */
export function settings<E>(given: Settings<E>): EntitySettings<OneWayName<E>> {
  return { given: given as Readonly<Record<string, unknown>> }
}
