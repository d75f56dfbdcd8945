/**
 * Where the entities of a cluster are saved, by its address. All machines of a cluster name the same place.
 *
 * | address | store |
 * | --- | --- |
 * | `postgres://user:password@host/database[?…]` | PostgreSQL; several, separated by spaces, share the partitions out |
 * | `none` | nowhere: for apps whose entities are all `persistent: false` |
 */
import { EpicError, type StateStore } from '@epicserver/contracts'
import type { SlowStatement, StatementFigures } from '@epicserver/store-postgres'
import type { Log } from '../../log.ts'
import type { App } from '../../model/app.ts'
import { describeClass } from '../../model/class-description.ts'
import { splitPostgresAddress, withoutSecrets } from './engine-address.ts'
import { NoStateStore } from './no-state-store.ts'

/** A state store that all nodes share, and what it tells about itself. */
export interface SharedState {
  readonly store: StateStore
  /** Resolves when it can be used. @throws EpicError */
  prepare(): Promise<void>
  /** The highest epoch that is saved. */
  highestEpoch(): Promise<bigint>
  /** What its statements have cost this process. */
  figures(): StateFigures
}

export interface StateFigures {
  readonly statements: readonly StatementFigures[]
  readonly slow: readonly SlowStatement[]
}

const NONE = 'none'

export function isSavedNowhere(address: string): boolean {
  return address === NONE
}

/**
 * Opens the store; it is first spoken to when it is first asked.
 * @param name - the cluster's; clusters of different names share a database and do not meet
 * @throws EpicError `SettingsInvalid`, `FileNotFound`
 */
export async function openState(address: string, name: string, log: Log): Promise<SharedState> {
  if (isSavedNowhere(address)) return savedNowhere()
  const addresses = address.split(' ').filter((part) => part !== '')
  const strange = addresses.find((part) => !/^postgres(ql)?:/.test(part))
  if (strange !== undefined || addresses.length === 0) {
    throw new EpicError(
      'SettingsInvalid',
      `Cannot save entities at "${withoutSecrets(strange ?? '')}": write postgres://user@host/database, or none for an app that saves nothing`,
    )
  }
  return await openPostgres(addresses, name, log)
}

async function openPostgres(
  addresses: readonly string[],
  name: string,
  log: Log,
): Promise<SharedState> {
  const parts = await Promise.all(addresses.map((address) => splitPostgresAddress(address)))
  const { PostgresStateStore } = await import('@epicserver/store-postgres')
  const store = new PostgresStateStore({
    addresses: parts.map(({ bare }) => bare),
    schema: `epic_${name}_state`,
    ...parts[0]?.options,
    onSlow: ({ statement, tookMs, requests }) =>
      log.warn('a statement took long', { statement, tookMs: Math.round(tookMs), requests }),
  })
  return {
    store,
    prepare: () => store.prepare(),
    highestEpoch: () => store.highestEpoch(),
    figures: () => ({ statements: store.statistics, slow: store.slowStatements }),
  }
}

function savedNowhere(): SharedState {
  return {
    store: new NoStateStore(),
    prepare: () => Promise.resolve(),
    highestEpoch: () => Promise.resolve(0n),
    figures: () => ({ statements: [], slow: [] }),
  }
}

/** @throws EpicError `SettingsInvalid` when classes save their state and nobody keeps it */
export function checkStateSuits({ entities }: App, address: string): void {
  if (!isSavedNowhere(address)) return
  const saving = Object.entries(entities)
    .filter(([name, entityClass]) => describeClass(name, entityClass).persistent)
    .map(([name]) => name)
  if (saving.length === 0) return
  throw new EpicError(
    'SettingsInvalid',
    `Cannot run without a state store: ${saving.join(', ')} would be lost. Name one with --state, or say persistent: false in their settings`,
  )
}
