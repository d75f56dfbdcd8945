/**
 * Where the entities of a cluster are saved, by its address: `postgres://user:password@host/database`, or `none` for apps that save
 * nothing. All machines of a cluster name the same one.
 */
import { EpicError, type StateStore } from '@epicserver/contracts'
import type { App } from '../../model/app.ts'
import { describeClass } from '../../model/class-description.ts'
import { withoutPassword } from './engine-address.ts'
import { NoStateStore } from './no-state-store.ts'

const NONE = 'none'

/** @throws EpicError `SettingsInvalid` */
export function checkStateAddress(address: string): void {
  if (address === NONE) return
  throw new EpicError(
    'SettingsInvalid',
    `Cannot save entities at "${withoutPassword(address)}": name the store that all machines of the cluster share with --state, or none for an app that saves nothing`,
  )
}

/** Opens the store; it is first spoken to when it is first asked. */
export function openState(address: string): StateStore {
  checkStateAddress(address)
  return new NoStateStore()
}

/** @throws EpicError `SettingsInvalid` when classes save their state and nobody keeps it */
export function checkStateSuits({ entities }: App, address: string): void {
  if (address !== NONE) return
  const saving = Object.entries(entities)
    .filter(([name, entityClass]) => describeClass(name, entityClass).persistent)
    .map(([name]) => name)
  if (saving.length === 0) return
  throw new EpicError(
    'SettingsInvalid',
    `Cannot run without a state store: ${saving.join(', ')} would be lost. Name one with --state, or say persistent: false in their settings`,
  )
}
