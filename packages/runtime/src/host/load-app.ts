/** Brings the file given to `epic run` to an app, or to an error that says what is wrong with it. */
import { register } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { EpicError } from '@epicserver/contracts'
import { isApp, type App } from '../model/app.ts'
import { describeClass } from '../model/class-description.ts'
import { appThrew } from './describe-thrown.ts'

let isRegistered = false

/**
 * Imports the app and reads its classes.
 * @throws EpicError `AppThrew`, `AppInvalid`, `SettingsInvalid`
 */
export async function loadApp(file: string): Promise<App> {
  if (!isRegistered) {
    isRegistered = true
    register('./typescript-hooks.js', import.meta.url)
  }
  let module: { readonly default?: unknown }
  try {
    module = (await import(pathToFileURL(resolve(file)).href)) as { readonly default?: unknown }
  } catch (cause) {
    throw appThrew(`Cannot start "${file}":`, cause)
  }
  const app = module.default
  if (app === undefined) {
    throw new EpicError(
      'AppInvalid',
      `Cannot start "${file}": it has no default export. Write: export default defineApp({ entities: { … } })`,
    )
  }
  if (!isApp(app)) {
    throw new EpicError(
      'AppInvalid',
      `Cannot start "${file}": its default export is not what defineApp returns`,
    )
  }
  if (typeof app.entities !== 'object' || app.entities === null || Array.isArray(app.entities)) {
    throw new EpicError(
      'AppInvalid',
      `Cannot start "${file}": its app names no entities. Write: defineApp({ entities: { Player, Barrel } })`,
    )
  }
  for (const [name, entityClass] of Object.entries(app.entities)) describeClass(name, entityClass)
  return app
}
