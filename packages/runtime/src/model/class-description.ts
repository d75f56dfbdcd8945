/**
 * A class of entities as the runtime uses it: its settings with every default filled in, and the table of its operations.
 *
 * Operations are found once, by walking the prototypes from the class up to `Entity`; a name from the wire is then looked up in
 * a `Map`, so that nothing on `Object.prototype` can ever be called. Lifecycle methods are not operations.
 */
import { EpicError, isTypeName } from '@epicserver/contracts'
import type {
  ClassPlan,
  DurabilityMode,
  LockMode,
  OperationPlan,
  Priority,
} from '@epicserver/kernel'
import { Entity, type EntityClass } from './entity.ts'
import { RUNTIME_LIMITS } from '../limits.ts'
import { POOL_METHODS } from './pool.ts'
import { checkSettings } from './settings-check.ts'
import type { Durability, OperationSettings, Placement, Rate } from './settings.ts'
import type { StandardSchemaV1 } from './standard-schema.ts'

/** A method as it is called: with the entity as `this`. */
export type OperationMethod = (this: Entity, ...args: readonly unknown[]) => unknown

export interface OperationDescription extends OperationPlan {
  readonly method: OperationMethod
  /** Neither atomic nor idempotent: calling the method is all there is to it. */
  readonly isPlain: boolean
  readonly exposed: boolean
  readonly input: StandardSchemaV1 | undefined
  readonly rate: Rate | undefined
}

/** An index declared over one or more fields. */
export interface IndexDescription {
  readonly name: string
  readonly fields: readonly string[]
}

export interface ClassDescription extends ClassPlan {
  readonly entityClass: EntityClass
  readonly operations: ReadonlyMap<string, OperationDescription>
  readonly version: number
  readonly upgrade:
    | ((state: Record<string, unknown>, from: number) => Record<string, unknown>)
    | undefined
  readonly persistent: boolean
  readonly autoCreate: boolean
  readonly transient: ReadonlySet<string>
  readonly indexes: readonly IndexDescription[]
  readonly placement: Placement
}

const LIFECYCLE = new Set([
  'constructor',
  'onActivate',
  'onDeactivate',
  'onMoveOut',
  'onMoveIn',
  'onClientGone',
])
const RESERVED = new Set(['then', 'toJSON', 'toString'])
/** What entities ask of the world: overridden by mistake it would be an operation, and missing. */
const OF_EVERY_ENTITY = new Set(Object.getOwnPropertyNames(Entity.prototype))

interface GivenSettings {
  readonly version?: number
  readonly upgrade?: ClassDescription['upgrade']
  readonly persistent?: boolean
  readonly durability?: Durability
  readonly autoCreate?: boolean
  readonly idleAfterMs?: number
  readonly transient?: readonly string[]
  readonly indexes?: readonly (string | readonly string[])[]
  readonly placement?: Placement
  readonly lock?: LockMode
  readonly mailboxMax?: number
  readonly operations?: Readonly<Record<string, OperationSettings>>
}

/**
 * Reads a class.
 * @throws EpicError `SettingsInvalid`, naming the class and the setting.
 */
export function describeClass(name: string, entityClass: EntityClass): ClassDescription {
  if (!isTypeName(name))
    throw new EpicError(
      'SettingsInvalid',
      `Cannot use "${name}" as the name of an entity type: it is no JavaScript name`,
    )
  if ((POOL_METHODS as readonly string[]).includes(name))
    throw new EpicError(
      'SettingsInvalid',
      `Cannot use "${name}" as the name of an entity type: pool.${name} is something else`,
    )
  const given: unknown = entityClass
  if (typeof given !== 'function') {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot use "${name}" as an entity type: it is ${given === null ? 'null' : typeof given}, not a class`,
    )
  }
  if (!(entityClass.prototype instanceof Entity)) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot use "${name}" as an entity type: the class does not extend Entity`,
    )
  }
  const said: { readonly given?: GivenSettings } | undefined = entityClass.settings
  if (said?.given === undefined) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot use ${name}.settings: write static override settings = settings<${name}>({ … })`,
    )
  }
  return descriptionFrom(name, entityClass, said.given)
}

function descriptionFrom(
  name: string,
  entityClass: EntityClass,
  given: GivenSettings,
): ClassDescription {
  const methods = methodsOf(name, entityClass)
  checkSettings(name, given as Readonly<Record<string, unknown>>, methods)
  const operations = new Map<string, OperationDescription>()
  for (const [operation, method] of methods) {
    operations.set(operation, describeOperation(operation, method, given))
  }
  const durability = durabilityOf(given)
  return {
    name,
    entityClass,
    operations,
    version: given.version ?? 1,
    upgrade: given.upgrade,
    persistent: durability !== 'none',
    autoCreate: given.autoCreate ?? true,
    transient: new Set(given.transient),
    indexes: (given.indexes ?? []).map((fields) => describeIndex(fields)),
    placement: given.placement ?? 'hash',
    mailboxMax: given.mailboxMax ?? RUNTIME_LIMITS.mailboxMax,
    idleAfterMs: given.idleAfterMs ?? RUNTIME_LIMITS.idleAfterMs,
    durability,
    durabilityMs: typeof given.durability === 'object' ? given.durability.everyMs : 0,
    hasLocks: [...operations.values()].some((operation) => operation.lock !== 'none'),
  }
}

/** An operation of the runtime itself; its name cannot be that of a method. */
export function internalOperation(
  name: `@${string}`,
  method: OperationMethod,
  lock: LockMode = 'none',
): OperationDescription {
  return describeOperation(name, method, { operations: { [name]: { lock, priority: 'high' } } })
}

function describeOperation(
  name: string,
  method: OperationMethod,
  given: GivenSettings,
): OperationDescription {
  const own = given.operations
  const said: OperationSettings =
    own !== undefined && Object.hasOwn(own, name) ? (own[name] as OperationSettings) : {}
  const priority: Priority = said.priority ?? 'normal'
  const atomic = said.atomic ?? false
  return {
    name,
    method,
    isPlain: !atomic && said.idempotent !== true,
    oneWay: said.oneWay ?? false,
    priority,
    lock: atomic ? 'entity' : (said.lock ?? given.lock ?? 'none'),
    atomic,
    idempotent: said.idempotent ?? false,
    unreliable: said.reliability === 'unreliable',
    coalesce: said.coalesce === 'latest',
    timeoutMs: said.timeoutMs ?? RUNTIME_LIMITS.callTimeoutMs,
    exposed: said.exposed ?? false,
    input: said.input,
    rate: said.rate,
  }
}

function methodsOf(typeName: string, entityClass: EntityClass): Map<string, OperationMethod> {
  const methods = new Map<string, OperationMethod>()
  let prototype: object = entityClass.prototype
  while (prototype !== Entity.prototype) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (LIFECYCLE.has(name) || methods.has(name) || typeof property.value !== 'function') continue
      if (RESERVED.has(name)) {
        throw new EpicError(
          'SettingsInvalid',
          `Cannot use ${typeName}.${name} as an operation: a ref needs that name itself`,
        )
      }
      if (OF_EVERY_ENTITY.has(name)) {
        throw new EpicError(
          'SettingsInvalid',
          `Cannot use ${typeName}.${name} as an operation: every entity has \`this.${name}\` already`,
        )
      }
      methods.set(name, property.value as OperationMethod)
    }
    prototype = Object.getPrototypeOf(prototype) as object
  }
  return methods
}

function durabilityOf(given: GivenSettings): DurabilityMode {
  if (given.persistent === false || given.placement === 'anywhere') return 'none'
  if (given.durability === 'manual') return 'manual'
  return typeof given.durability === 'object' ? 'interval' : 'acknowledged'
}

function describeIndex(fields: string | readonly string[]): IndexDescription {
  const list = typeof fields === 'string' ? [fields] : fields
  return { name: list.join('+'), fields: list }
}
