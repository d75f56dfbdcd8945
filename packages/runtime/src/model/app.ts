/** The description of an app: its entity classes, and what runs when it starts. */
import { EpicError } from '@epicserver/contracts'
import type { EntityClass } from './entity.ts'
import { nearest } from './nearest.ts'
import type { Pool } from './pool.ts'
import type { OneWayName } from './ref.ts'
import type { EntitySettings } from './settings.ts'

/** The classes of an app, by the names under which they are called. */
export type EntityClasses = Readonly<Record<string, EntityClass>>

/** What `setupNode` is told. */
export interface NodeInfo {
  readonly nodeId: string
  readonly labels: readonly string[]
}

/** What the app allows entities to do with files. */
export interface AppFiles {
  /** Folders outside the data folder that may be read and written, by absolute path. */
  readonly allow?: readonly string[]
}

/** What {@link defineApp} is told. */
export interface AppOptions<T extends EntityClasses> {
  readonly entities: T & CheckedClasses<T>
  /** Runs once for the whole fabric, on one node, when calls can be made. */
  readonly setup?: (pool: Pool<T>) => void | Promise<void>
  /** Runs on each node, before it takes calls. */
  readonly setupNode?: (pool: Pool<T>, node: NodeInfo) => void | Promise<void>
  readonly files?: AppFiles
}

/** An app as `epic run` takes it: what {@link defineApp} returns. */
export interface App<T extends EntityClasses = EntityClasses> {
  readonly kind: 'epicserver-app'
  readonly entities: T
  readonly setup: ((pool: Pool<T>) => void | Promise<void>) | undefined
  readonly setupNode: ((pool: Pool<T>, node: NodeInfo) => void | Promise<void>) | undefined
  readonly files: AppFiles
}

/** A class with `void` operations must list them as one-way in its settings. */
export type CheckedClasses<T extends EntityClasses> = {
  [K in keyof T]: [OneWayName<InstanceType<T[K]>>] extends [never]
    ? T[K]
    : T[K]['settings'] extends EntitySettings<infer Listed>
      ? PropertyKey extends Listed
        ? {
            readonly 'void operations must be listed as oneWay in settings': OneWayName<
              InstanceType<T[K]>
            >
          }
        : T[K]
      : never
}

const PARTS: readonly string[] = ['entities', 'setup', 'setupNode', 'files']

/**
 * Describes an app; export the result as default.
 * @throws EpicError `AppInvalid` when it has a part that no app has
 * @example
 * export default defineApp({ entities: { Player, Barrel } })
 */
export function defineApp<T extends EntityClasses>(options: AppOptions<T>): App<T> {
  for (const part of Object.keys(options)) if (!PARTS.includes(part)) refusePart(part)
  return {
    kind: 'epicserver-app',
    entities: options.entities as T,
    setup: options.setup,
    setupNode: options.setupNode,
    files: options.files ?? {},
  }
}

/** For those who write JavaScript: the compiler says it to all others. */
function refusePart(part: string): never {
  throw new EpicError(
    'AppInvalid',
    `Cannot use "${part}" in defineApp: an app has no such part${nearest(part, PARTS)}`,
    { details: { remedy: `An app has ${PARTS.join(', ')}.` } },
  )
}

/** Whether a value is what {@link defineApp} returns, also when two copies of the package are loaded. */
export function isApp(value: unknown): value is App {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as { kind?: unknown }).kind === 'epicserver-app'
  )
}
